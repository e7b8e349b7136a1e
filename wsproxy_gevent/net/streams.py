"""The streams of the engine that is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import engine

if TYPE_CHECKING or not engine.COMPILED:
    from .stream import PlainStream
    from .tls import TlsStream
else:
    from ._plain import PlainStream
    from ._tls import TlsStream

__all__ = ["PlainStream", "TlsStream"]
