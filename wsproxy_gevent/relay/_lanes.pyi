from collections.abc import Callable

from ..errors import ProxyError
from ..net.stream import Stream
from ..wire.hybi_reader import Reader
from .client import ClientEnd
from .ends import TargetEnd
from .outbox import Outbox
from .watch import Watch

class _Lane:
    payload_bytes: int
    frames: int
    def run(self) -> None: ...
    def run_first(self, then: Callable[[ProxyError | None], None]) -> None: ...

class Upstream(_Lane):
    def __init__(
        self,
        client: ClientEnd,
        target: TargetEnd,
        watch: Watch,
        source: Stream,
        sink: Stream,
        reader: Reader,
    ) -> None: ...

class Downstream(_Lane):
    def __init__(
        self,
        client: ClientEnd,
        target: TargetEnd,
        watch: Watch,
        source: Stream,
        sink: Stream,
        outbox: Outbox,
    ) -> None: ...
