import ssl

from ..model import Buffer
from ._plain import CompiledStream
from .stream import Stream

class TlsStream(CompiledStream):
    read_count: int
    write_count: int
    reading: bool
    writing: bool
    tls_version: str | None
    tls_object: ssl.SSLObject
    def __init__(
        self,
        lower: Stream,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_hostname: str | None = None,
    ) -> None: ...
    @classmethod
    def accept(cls, lower: Stream, context: ssl.SSLContext, first: bytes = b"") -> TlsStream: ...
    @classmethod
    def connect(
        cls,
        lower: Stream,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None = None,
        first: bytes = b"",
    ) -> TlsStream: ...
    def read_some(self) -> bytes: ...
    def write_all(self, *segments: Buffer) -> bool: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
