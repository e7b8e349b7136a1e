"""The embedded target: each message is answered with the same message.

There is no other end, so one greenlet does it all.  While the client does
not read, its next message is not read either: a client that never reads
stalls itself and nobody else.
"""

from __future__ import annotations

from contextlib import suppress

from ..errors import ClientGone, ProtocolError
from ..wire.session import Data
from .conversation import Conversation


class Echo(Conversation):
    """One session with the echo; the same to the outside as a `Relay`.  Run it once."""

    def _converse(self) -> None:
        self._client.answers_in_order = True
        with suppress(ClientGone, ProtocolError):  # kept by the client's end
            while self._answer_one_read():
                pass
        self._client.leave(self._patience)

    def _close_target(self) -> None:
        """There is no socket behind us."""

    def _answer_one_read(self) -> bool:
        """A message is answered as it comes, piece by piece, however long it is."""
        pieces = self._client.read_pieces()
        for piece in pieces:
            self._answer(piece)
        return bool(pieces)

    def _answer(self, piece: Data) -> None:
        if len(piece.payload) and self._client.taking:
            self._upstream.received(piece.payload)
            self._upstream.sent(whole=True)
            self._downstream.received(piece.payload)
        whole = self._client.write_piece(piece.payload, piece.opcode, final=piece.final)
        if len(piece.payload):
            self._downstream.sent(whole=whole)
