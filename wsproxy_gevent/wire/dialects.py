"""Which session speaks which dialect."""

from __future__ import annotations

from ..model import Dialect
from .deflate import Deflate
from .hixie import HixieSession
from .hybi import HybiSession
from .payload import PayloadKind
from .session import Session


def open_session(
    dialect: Dialect,
    kind: PayloadKind,
    *,
    check_text: bool = False,
    deflate: Deflate | None = None,
) -> Session:
    """The server's side of a connection whose handshake is done.

    `deflate` is what was agreed on permessage-deflate, if anything was.
    Raises `ValueError` for BINARY in a Hixie dialect, which has only text,
    and for `deflate`, for it has no extensions.
    """
    if not dialect.is_hixie:
        return HybiSession(dialect, kind, check_text=check_text, deflate=deflate)
    if deflate is not None:
        raise ValueError(f"{dialect.value} has no extensions")
    return HixieSession(dialect, kind, check_text=check_text)
