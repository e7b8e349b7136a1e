"""A handshake becomes a session, or is refused in words that help."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from tests.auth.fakes import FakeLogin
from tests.fakes import RecordingObserver
from tests.server.scene import HASTY_LIMITS, PEER, SECONDS, TARGET, FakeDialer, scene, upgrade
from wsproxy_gevent.auth.login import Grant
from wsproxy_gevent.errors import Busy, ProxyError, TargetRefused, TargetTimeout
from wsproxy_gevent.model import Dialect, Dialled, EchoTarget, Peer, TcpTarget
from wsproxy_gevent.net import leaving
from wsproxy_gevent.net.balancers import Balancers
from wsproxy_gevent.net.stream import Stream
from wsproxy_gevent.observer import SessionInfo
from wsproxy_gevent.targets.policy import TargetPolicy
from wsproxy_gevent.targets.resolver import StaticResolver
from wsproxy_gevent.wire.handshake import HandshakeRules
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.proxysend import Introduction, text_line

HIXIE_75 = (
    b"GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Host: proxy.example\r\nOrigin: http://proxy.example\r\n\r\n"
)
HIXIE_76 = (
    b"GET /demo HTTP/1.1\r\nHost: proxy.example\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://proxy.example\r\n\r\n"
)
HIXIE_76_KEY, HIXIE_76_ANSWER = b"^n:ds[4U", b"8jKS'y:G*Co,Wxa-"

FROM_CLIENT = b"\x82\x85\x01\x02\x03\x04" + bytes(
    a ^ b for a, b in zip(b"hello", b"\x01\x02\x03\x04\x01", strict=True)
)
FROM_SERVER = b"\x82\x05hello"


def exactly(sock: gevent.socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        assert more, f"the connection ended behind {data!r}"
        data += more
    return data


def test_a_session_carries_bytes_both_ways() -> None:
    with scene() as it:
        it.send(upgrade())
        assert it.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        it.send(FROM_CLIENT)
        assert exactly(it.service, 5) == b"hello"
        it.service.sendall(b"hello")
        assert exactly(it.client, 7) == FROM_SERVER


def test_frames_in_the_handshakes_own_packet_are_not_lost() -> None:
    with scene() as it:
        it.send(upgrade() + FROM_CLIENT)
        it.receive_until(b"\r\n\r\n")
        assert exactly(it.service, 5) == b"hello"


def test_a_target_that_the_policy_forbids_is_never_dialled() -> None:
    elsewhere = StaticResolver(TcpTarget("169.254.169.254", 80))
    with scene(resolver=elsewhere, policy=TargetPolicy(fixed=[TARGET])) as it:
        it.send(upgrade())
        answer = it.receive_all()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"169.254" not in answer
        assert it.refusal() == ("policy", "target-forbidden")
    assert it.dialer.dialled == []


def test_a_target_that_a_login_names_is_held_to_the_policy_too() -> None:
    login = FakeLogin(Grant(target=TcpTarget("169.254.169.254", 80)))
    with scene(login=login, policy=TargetPolicy(fixed=[TARGET])) as it:
        it.send(upgrade())
        assert it.receive_all().startswith(b"HTTP/1.1 403 ")
        assert it.refusal() == ("policy", "target-forbidden")
    assert it.dialer.dialled == []


def test_a_target_is_told_of_the_client_and_the_session_if_it_shall_be() -> None:
    told: list[Introduction] = []

    def introduce(introduction: Introduction) -> bytes:
        told.append(introduction)
        return b"LINE"

    with scene(introduce=introduce) as it:
        it.send(upgrade(b"X-Forwarded-For: 192.0.2.1"))
        it.receive_until(b"\r\n\r\n")
        (info,) = it.log.opened_sessions
    assert told == [Introduction(Peer("192.0.2.1"), Peer(""), info.id, None)]
    assert it.dialer.ahead == [b"LINE"]


def test_a_target_is_told_nothing_as_a_rule() -> None:
    with scene() as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
    assert it.dialer.ahead == [b""]


def test_behind_a_balancer_a_target_is_told_what_the_balancer_was() -> None:
    line = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 8443\r\n"
    with scene(introduce=text_line, balancers=Balancers([PEER.host])) as it:
        it.send(line + upgrade())
        it.receive_until(b"\r\n\r\n")
    assert it.dialer.ahead == [line]


def test_the_session_is_logged_when_it_opens_and_when_it_ends() -> None:
    with scene() as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
        it.service.close()
        it.client.recv(100)
        it.client.close()
        assert it.ended()
        (info,), (summary,) = it.log.opened_sessions, it.log.summaries
    assert (info.target, info.dialect, info.path) == (TARGET, Dialect.RFC_6455, "/console")
    assert (summary.info, summary.ended_by) == (info, "target")
    assert len(it.context.registry) == 0


def test_a_live_session_stands_in_the_registry_and_can_be_stopped() -> None:
    with scene() as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
        (info,) = it.context.registry.list()
        it.context.registry.stop(info.id, 1008, "an operator said so")
        assert exactly(it.client, 4) == b"\x88\x15\x03\xf0"


def test_a_session_that_is_cut_is_logged_as_well() -> None:
    with scene() as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
        it.greenlet.kill()
        (summary,) = it.log.summaries
    assert (summary.ended_by, summary.reason) == ("proxy", "stopped")


# -- Old dialects ------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(len(HIXIE_76) + 8))
def test_hixie_76_is_shaken_hands_with_however_its_bytes_are_cut(cut: int) -> None:
    wire = HIXIE_76 + HIXIE_76_KEY
    with scene() as it:
        it.send(wire[:cut])
        gevent.sleep(0)
        it.send(wire[cut:])
        head = it.receive_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 WebSocket Protocol Handshake\r\n")
        assert exactly(it.client, 16) == HIXIE_76_ANSWER
        it.send(b"\x00aGVsbG8=\xff")
        assert exactly(it.service, 5) == b"hello"


def test_a_hixie_76_key_that_never_comes_ends_at_the_deadline() -> None:
    with scene(limits=HASTY_LIMITS) as it:
        it.send(HIXIE_76 + HIXIE_76_KEY[:7])
        assert it.receive_all().startswith(b"HTTP/1.1 408 ")


def test_hixie_75_carries_base64() -> None:
    with scene() as it:
        it.send(HIXIE_75)
        head = it.receive_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Web Socket Protocol Handshake\r\n")
        it.service.sendall(b"hello")
        assert exactly(it.client, 10) == b"\x00aGVsbG8=\xff"


@pytest.mark.parametrize("request_bytes", [HIXIE_75, HIXIE_76 + HIXIE_76_KEY])
def test_old_dialects_can_be_refused(request_bytes: bytes) -> None:
    with scene(handshake=HandshakeRules(legacy=False)) as it:
        it.send(request_bytes)
        it.client.shutdown(1)
        assert it.receive_all().startswith(b"HTTP/1.1 426 ")
        assert it.refusal() == ("handshake", "legacy-refused")


# -- Refusals before the 101 ---------------------------------------------------------------


def test_a_foreign_page_is_refused_before_anything_is_dialled() -> None:
    with scene() as it:
        it.send(upgrade(b"Origin: https://evil.example"))
        it.client.shutdown(1)
        answer = it.receive_all()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"--allow-origin" in answer
        assert it.refusal() == ("origin", "origin-refused")
        assert it.dialer.dialled == []


# -- A dial that fails -----------------------------------------------------------------------

REFUSED = TargetRefused("the target refused the connection")


def test_a_failed_dial_is_a_close_that_a_page_can_show() -> None:
    with scene(dial_error=REFUSED) as it:
        it.send(upgrade())
        assert it.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        reason = b"\x03\xf3the target refused the connection"
        assert exactly(it.client, 2 + len(reason)) == bytes([0x88, len(reason)]) + reason
        it.client.close()
        assert it.refusal() == ("dial", "target-refused")


@pytest.mark.parametrize(
    ("error", "status"),
    [(REFUSED, 502), (TargetTimeout("silent"), 504), (Busy("full"), 503)],
)
def test_a_failed_dial_can_be_a_status(error: ProxyError, status: int) -> None:
    with scene(dial_error=error, dial_error_http=True) as it:
        it.send(upgrade())
        it.client.shutdown(1)
        assert it.receive_all().startswith(f"HTTP/1.1 {status} ".encode())


class PatientDialer(FakeDialer):
    """Goes on dialling; `given_up` is set when somebody made it stop."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.given_up = Event(), Event()

    def dial(self, target: Dialled, ahead: bytes = b"") -> Stream:
        self.begun.set()
        try:
            Event().wait()
        finally:
            self.given_up.set()
        return super().dial(target)


@pytest.mark.parametrize("early", [b"", FROM_CLIENT], ids=["silent", "said something first"])
def test_a_client_that_leaves_ends_the_dial(monkeypatch: pytest.MonkeyPatch, early: bytes) -> None:
    monkeypatch.setattr(leaving, "LOOK_SECONDS", 0.001)
    dialer = PatientDialer()
    with scene(dialer=dialer) as it:
        it.send(upgrade() + early)
        assert dialer.begun.wait(SECONDS)
        gevent.sleep(0.005)
        assert not dialer.given_up.is_set()
        it.client.close()
        assert dialer.given_up.wait(SECONDS)
        assert it.refusal() == ("dial", "peer-left")


def test_hixie_learns_of_a_failed_dial_by_its_own_close() -> None:
    with scene(dial_error=REFUSED) as it:
        it.send(HIXIE_76 + HIXIE_76_KEY)
        it.receive_until(b"\r\n\r\n" + HIXIE_76_ANSWER)
        assert exactly(it.client, 2) == b"\xff\x00"


# -- The echo and those who look on -----------------------------------------------------------


def test_the_echo_answers_with_the_same_opcode_and_boundaries() -> None:
    client = HybiSession(Dialect.RFC_6455, PayloadKind.VERBATIM, role=Role.CLIENT)
    with scene(resolver=StaticResolver(EchoTarget())) as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
        it.send(b"\x81\x85\0\0\0\0hello" + b"\x82\x80\0\0\0\0" + b"\x81\x83\0\0\0\0end")
        events = client.receive(exactly(it.client, 7 + 2 + 5))
        assert it.dialer.dialled == []
    assert [(bytes(e.payload), e.opcode.name, e.final) for e in events] == [  # type: ignore[union-attr]
        (b"hello", "TEXT", True),
        (b"", "BINARY", True),
        (b"end", "TEXT", True),
    ]


def test_observers_see_the_session_from_its_first_byte() -> None:
    observer = RecordingObserver()
    asked: list[SessionInfo] = []

    def observers(info: SessionInfo) -> list[RecordingObserver]:
        asked.append(info)
        return [observer]

    with scene(observers=observers) as it:
        it.send(upgrade() + FROM_CLIENT)
        it.receive_until(b"\r\n\r\n")
        exactly(it.service, 5)
        it.client.close()
        it.service.close()
        assert it.ended()
    assert observer.calls[0][2] == b"hello"
    assert observer.calls[-1] == ("ended",)
    assert asked == it.log.opened_sessions
