"""The compiled way past the ends, for the sessions that can take it.

The frames must be binary, without an extension and without a codec: then
payload is the same on either side but for its headers, and no Python need
run between a read and the send of what it brought.
"""

from __future__ import annotations

from .. import engine
from .client import ClientEnd
from .ends import TargetEnd
from .pump import Lane
from .watch import Watch

if engine.COMPILED:
    from ..net._plain import CompiledStream
    from ._lanes import Downstream, Upstream


def take_shortcuts(
    client: ClientEnd, target: TargetEnd, watch: Watch, upstream: Lane, downstream: Lane
) -> None:
    """Give each lane of the session its shortcut, if there is one."""
    reader = getattr(client.session, "bare_reader", None)
    near, far = client.stream, target.stream
    if not (engine.COMPILED and reader is not None):
        return
    if isinstance(near, CompiledStream) and isinstance(far, CompiledStream):
        upstream.shortcut = Upstream(client, target, watch, near, far, reader)
        downstream.shortcut = Downstream(client, target, watch, far, near, client.outbox)
