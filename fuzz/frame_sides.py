"""One stream of frames, read by three implementations and told in the same words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Close, Data, Event, Failed
from wsproxy_gevent.wire.session import Ping as OurPing
from wsproxy_gevent.wire.session import Pong as OurPong

from .streams import Stream

_NUMBER = re.compile(r"\d+")


@dataclass
class Verdict:
    """What was heard, and how it ended.

    `heard` has whole messages and controls in their order, `begun` what
    there is of a message that has not ended, `end` the code class ("open",
    "closed 1000", "failed 1002") and `cause` the reader's own words.
    `waiting` tells whether the stream ended inside a frame.
    """

    heard: list[tuple[str, bytes]] = field(default_factory=list)
    begun: bytes = b""
    end: str = "open"
    cause: str = ""
    waiting: bool = False

    def data(self, payload: bytes, *, final: bool) -> None:
        self.begun += payload
        if final:
            self.heard.append(("data", self.begun))
            self.begun = b""

    def closed(self, code: int | None, reason: str) -> None:
        self.end, self.cause = f"closed {code}", reason

    def failed(self, code: int, cause: str) -> None:
        self.end, self.cause = f"failed {code}", _NUMBER.sub("N", cause)


# -- Ours --------------------------------------------------------------------------


def ours(stream: Stream, *, check_text: bool) -> Verdict:
    role = Role.CLIENT if stream.client else Role.SERVER
    session = HybiSession(Dialect.RFC_6455, PayloadKind.VERBATIM, role=role, check_text=check_text)
    verdict = Verdict()
    for event in session.receive(stream.wire):
        _tell(event, verdict)
    verdict.waiting = session.mid_frame
    return verdict


def _tell(event: Event, verdict: Verdict) -> None:
    match event:
        case Data(payload, _, final):
            verdict.data(bytes(payload), final=final)
        case OurPing(payload):
            verdict.heard.append(("ping", payload))
        case OurPong(payload):
            verdict.heard.append(("pong", payload))
        case Close(code, reason):
            verdict.closed(code, reason)
        case Failed(error):
            verdict.failed(error.close_code, error.reason)


# -- websockets ----------------------------------------------------------------------

_URI = parse_uri("ws://localhost/")


def websockets(stream: Stream) -> Verdict:
    """Text is not decoded by this reader, but by what stands on it."""
    protocol = (
        ClientProtocol(_URI, state=OPEN, max_size=None)
        if stream.client
        else ServerProtocol(state=OPEN, max_size=None)
    )
    protocol.receive_data(stream.wire)
    verdict = Verdict()
    for frame in protocol.events_received():
        assert isinstance(frame, Frame)
        if frame.opcode < Opcode.CLOSE:
            verdict.data(bytes(frame.data), final=frame.fin)
        elif frame.opcode is not Opcode.CLOSE:
            verdict.heard.append((frame.opcode.name.lower(), bytes(frame.data)))
    if protocol.parser_exc is not None:
        assert protocol.close_sent is not None
        verdict.failed(int(protocol.close_sent.code), str(protocol.parser_exc))
    elif protocol.close_rcvd is not None:
        code = int(protocol.close_rcvd.code)
        verdict.closed(None if code == 1005 else code, protocol.close_rcvd.reason)
    verdict.waiting = protocol.parser_exc is None
    return verdict


# -- wsproto ----------------------------------------------------------------------------


def wsproto(stream: Stream) -> Verdict:
    connection = Connection(ConnectionType.CLIENT if stream.client else ConnectionType.SERVER)
    connection.receive_data(stream.wire)
    verdict = Verdict()
    for event in connection.events():
        if isinstance(event, CloseConnection):
            _tell_close(event, connection, verdict)
        else:
            _TOLD[type(event)](event, verdict)
    verdict.waiting = verdict.end == "open"
    return verdict


def _tell_message(event: TextMessage | BytesMessage, verdict: Verdict) -> None:
    data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
    verdict.data(data, final=event.message_finished)


def _tell_ping(event: Ping, verdict: Verdict) -> None:
    verdict.heard.append(("ping", bytes(event.payload)))


def _tell_pong(event: Pong, verdict: Verdict) -> None:
    verdict.heard.append(("pong", bytes(event.payload)))


_TOLD: dict[type[object], Callable[..., None]] = {
    TextMessage: _tell_message,
    BytesMessage: _tell_message,
    Ping: _tell_ping,
    Pong: _tell_pong,
}


def _tell_close(event: CloseConnection, connection: Connection, verdict: Verdict) -> None:
    """A Close that came and a fault that was found are one event here, in two states."""
    code, reason = int(event.code), event.reason or ""
    if connection.state is ConnectionState.REMOTE_CLOSING:
        verdict.closed(None if code == 1005 else code, reason)
    else:
        verdict.failed(code, reason)
