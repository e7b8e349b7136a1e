"""HTTP/1.1 as a client speaks it, for the small questions that we ask of other services.

h11 knows the protocol.  Here a request becomes bytes, and what comes back a
whole response, or a `BadAnswer`.  A body is bounded, for who answers may be
anybody; nothing is followed, decoded or guessed.
"""

from __future__ import annotations

import h11

from .message import Request, Response

MOST_BODY = 8 * 1024

CLOSED = "it closed without a whole answer"


class BadAnswer(Exception):
    """What came is no HTTP/1.1, or more than may be."""


class Exchange:
    """One request, and the reading of its response."""

    def __init__(self, request: Request, *, most_body: int = MOST_BODY) -> None:
        """Raises `BadAnswer` for a request that cannot be said in HTTP."""
        self.begun = False  # whether anything of the response has come
        self._h11 = h11.Connection(h11.CLIENT)
        self._most_body = most_body
        self._head: h11.Response | None = None
        self._body = bytearray()
        try:
            head = h11.Request(
                method=request.method, target=request.target, headers=list(request.headers)
            )
            self.sent = (self._h11.send(head) or b"") + (self._h11.send(h11.EndOfMessage()) or b"")
        except (h11.LocalProtocolError, UnicodeError) as exc:
            raise BadAnswer(f"the question is no HTTP: {exc}") from exc

    @property
    def may_go_on(self) -> bool:
        """Whether the connection is good for another one, once the response is whole."""
        done = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        return done and self._h11.trailing_data == (b"", False)

    def feed(self, data: bytes) -> Response | None:
        """Take the next bytes, b"" at the end; the response once it is whole.

        Raises `BadAnswer`.
        """
        self.begun = self.begun or bool(data)
        try:
            self._h11.receive_data(data)
            return self._read()
        except h11.RemoteProtocolError as exc:
            raise BadAnswer(f"it answers no HTTP/1.1: {exc}" if data else CLOSED) from exc

    def _read(self) -> Response | None:
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                return None
            if event is h11.PAUSED:
                raise BadAnswer("it answers with another protocol")
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._take(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return self._whole()
            elif isinstance(event, h11.ConnectionClosed):
                raise BadAnswer(CLOSED)

    def _take(self, data: bytes) -> None:
        if len(self._body) + len(data) > self._most_body:
            raise BadAnswer(f"its answer is longer than {self._most_body} bytes")
        self._body += data

    def _whole(self) -> Response:
        assert self._head is not None  # noqa: S101  h11 gives no end without a beginning
        fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in self._head.headers]
        return Response(self._head.status_code, tuple(fields), bytes(self._body))
