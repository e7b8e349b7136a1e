"""The client's end, in literal bytes."""

from __future__ import annotations

import gevent
import pytest

from tests.fakes import FakeStream
from tests.relay.frames import close, closed, from_client, from_server, ping
from tests.relay.scene import HASTY
from wsproxy_gevent.errors import ClientGone, ProtocolError
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.relay.ends import ClientEnd
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import FRAMES_AT_ONCE, Close, Data, Opcode


def client_end(
    *reads: bytes, dialect: Dialect = Dialect.RFC_6455, leftover: bytes = b""
) -> tuple[ClientEnd, FakeStream]:
    stream = FakeStream(*reads)
    kind = PayloadKind.BASE64 if dialect.is_hixie else PayloadKind.BINARY
    return ClientEnd(stream, open_session(dialect, kind), leftover=leftover), stream


def settle() -> None:
    """Let the greenlets that write control frames do so."""
    gevent.sleep(0)


# -- Reading -------------------------------------------------------------------------


def test_frames_of_one_read_are_one_payload() -> None:
    end, _ = client_end(from_client(b"one") + from_client(b"two"))
    assert end.read_some() == b"onetwo"


def test_the_only_frame_of_a_read_is_not_copied() -> None:
    end, _ = client_end(from_client(b"x" * 1000))
    (piece,) = end.read_pieces()
    end, _ = client_end(from_client(b"x" * 1000))
    assert type(end.read_some()) is type(piece.payload)


def test_a_client_of_very_many_frames_lets_others_run() -> None:
    ran: list[str] = []

    def others() -> None:
        while True:
            ran.append("others")
            gevent.sleep(0)

    nothing = from_client(b"", 0, fin=False)
    reads = [nothing * (40 * FRAMES_AT_ONCE)] * 20
    end, _ = client_end(from_client(b"", fin=False), *reads, from_client(b"x", 0))
    running = gevent.spawn(others)
    assert end.read_some() == b"x"
    running.kill()
    assert len(ran) > 1


def test_bytes_behind_the_handshake_come_first() -> None:
    end, _ = client_end(from_client(b"two"), leftover=from_client(b"one"))
    assert (end.read_some(), end.read_some()) == (b"one", b"two")


def test_a_frame_is_delivered_as_it_comes_however_it_is_cut() -> None:
    wire = from_client(b"hello")
    for cut in range(1, len(wire)):
        end, stream = client_end(wire[:cut], wire[cut:])
        stream.end()
        got = b""
        while piece := end.read_some():
            got += piece
        assert got == b"hello"


def test_pieces_keep_opcode_and_boundaries() -> None:
    end, _ = client_end(
        from_client(b"He", 1, fin=False) + from_client(b"llo", 0) + from_client(b"")
    )
    assert end.read_pieces() == [
        Data(b"He", Opcode.TEXT, final=False),
        Data(b"llo", Opcode.TEXT, final=True),
        Data(b"", Opcode.BINARY, final=True),
    ]


def test_a_read_without_payload_inside_a_frame_is_told() -> None:
    told: list[str] = []
    end, _ = client_end(b"\x82", b"\x85\0\0\0\0he", b"llo")
    end.on_incomplete = lambda: told.append("incomplete")
    assert end.read_some() == b"he"
    assert told == ["incomplete"]
    assert end.read_some() == b"llo"
    assert told == ["incomplete"]


# -- Ends ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "answer", "kept"),
    [
        (close(1000, b"bye"), closed(1000), Close(1000, "bye")),
        (close(3999), closed(3999), Close(3999)),
        (close(None), closed(1000), Close(None)),
    ],
)
def test_a_close_is_answered_behind_the_payload_in_front_of_it(
    said: bytes, answer: bytes, kept: Close
) -> None:
    end, stream = client_end(from_client(b"last") + said + from_client(b"ignored"))
    assert end.read_some() == b"last"
    assert end.closed_by_peer == kept
    settle()
    assert stream.written == answer
    assert stream.finished
    assert end.read_some() == b""
    assert not end.vanished


def test_an_answered_close_is_not_said_twice() -> None:
    end, stream = client_end(close(1000))
    assert end.close(1001, "stopping")
    assert not end.close(1000)
    assert end.read_some() == b""
    settle()
    assert stream.written == closed(1001, b"stopping")
    assert end.close_code == 1001


def test_a_stream_that_ends_without_a_close_has_vanished() -> None:
    end, stream = client_end(from_client(b"hello")[:-2])
    stream.end()
    assert (end.read_some(), end.read_some()) == (b"hel", b"")
    assert end.vanished
    assert end.closed_by_peer is None
    settle()
    assert stream.written == b""
    assert stream.finished


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (b"\x82\x01x", 1002),
        (b"\xc2\x80\0\0\0\0", 1002),
        (close(1005), 1002),
        (b"\x88\x81\0\0\0\0\x03", 1002),
        (close(1000, b"\xff"), 1007),
    ],
)
def test_a_fault_is_raised_behind_the_data_and_answered_by_its_code(
    fault: bytes, code: int
) -> None:
    end, stream = client_end(from_client(b"good") + fault)
    assert end.read_some() == b"good"
    with pytest.raises(ProtocolError) as caught:
        end.read_some()
    assert caught.value.close_code == code
    settle()
    assert stream.written[2:4] == code.to_bytes(2, "big")
    assert stream.finished


def test_a_broken_connection_is_the_clients_going() -> None:
    end, stream = client_end(from_client(b"prefix"))
    stream.break_off()
    assert end.read_some() == b"prefix"
    with pytest.raises(ClientGone):
        end.read_some()
    assert not end.taking
    assert not end.close(1000)


def test_a_client_that_closes_and_does_not_wait_for_the_answer_has_closed() -> None:
    end, stream = client_end(close(1000))
    stream.fill()
    assert end.read_some() == b""
    settle()
    stream.abort()
    settle()
    assert stream.writes == []
    assert end.read_some() == b""
    assert end.error is None


def test_a_break_that_a_write_finds_is_told_when_all_that_came_is_read() -> None:
    told: list[str] = []
    end, stream = client_end(from_client(b"prefix"))
    end.on_closing = lambda: told.append("closing")
    stream.fill()
    end.ping()
    settle()
    stream.abort()
    settle()
    assert told == ["closing"]
    stream.aborted = False
    assert end.read_some() == b"prefix"
    with pytest.raises(ClientGone):
        end.read_some()


def test_closing_is_told_once() -> None:
    told: list[str] = []
    end, _ = client_end(close(1000))
    end.on_closing = lambda: told.append("closing")
    end.close(1001)
    end.read_some()
    end.abort()
    assert told == ["closing"]


# -- Pings -------------------------------------------------------------------------------


def test_a_ping_is_answered_with_what_it_said() -> None:
    end, stream = client_end(ping(b"are you there"), from_client(b"x"))
    assert end.read_some() == b"x"
    settle()
    assert stream.written == from_server(b"are you there", 0xA)


def test_only_the_latest_of_many_pings_is_answered() -> None:
    flood = b"".join(ping(b"%d" % number) for number in range(200))
    end, stream = client_end(flood + from_client(b"x"))
    assert end.read_some() == b"x"
    settle()
    assert stream.written == from_server(b"199", 0xA)


def test_a_flood_of_pings_to_a_client_that_does_not_read_costs_one_slot() -> None:
    flood = ping(b"once") * 2_500
    end, stream = client_end(flood, flood, flood, flood, ping(b"last") + from_client(b"x"))
    stream.fill()
    writing = gevent.spawn(end.write_all, b"stuck")
    settle()
    assert end.read_some() == b"x"
    assert not writing.ready()
    stream.drain()
    writing.join()
    assert stream.writes == [from_server(b"stuck"), from_server(b"last", 0xA)]


def test_a_pong_is_remembered() -> None:
    end, _ = client_end(from_client(b"", 0xA) + from_client(b"x"))
    assert not end.answers
    end.read_some()
    assert end.answers


# -- Writing -------------------------------------------------------------------------------


def test_a_close_waits_for_the_frame_in_front_of_it() -> None:
    end, stream = client_end()
    stream.fill()
    writing = gevent.spawn(end.write_all, b"first")
    settle()
    end.close(1000, "done")
    waiting = gevent.spawn(end.write_all, b"dropped")
    settle()
    assert stream.writes == []
    stream.drain()
    gevent.joinall([writing, waiting])
    assert stream.writes == [from_server(b"first"), closed(1000, b"done")]


def test_in_hixie_75_a_close_is_the_end_of_the_stream() -> None:
    end, stream = client_end(dialect=Dialect.HIXIE_75)
    end.write_all(b"world")
    end.close(1000, "done")
    settle()
    assert stream.written == b"\x00d29ybGQ=\xff"
    assert stream.finished


def test_a_message_in_pieces_keeps_its_opcode() -> None:
    end, stream = client_end()
    end.write_piece(b"He", Opcode.TEXT, final=False)
    end.write_piece(b"llo", Opcode.TEXT, final=True)
    assert stream.writes == [from_server(b"He", 1, fin=False), from_server(b"llo", 0)]


def test_a_write_to_a_broken_connection_is_the_clients_going() -> None:
    end, stream = client_end()
    stream.fill()
    writing = gevent.spawn(end.write_all, b"x")
    settle()
    stream.abort()
    with pytest.raises(ClientGone):
        writing.get()
    assert not end.taking
    assert end.write_all(b"dropped")


# -- Parting -----------------------------------------------------------------------------


def test_parting_says_why_and_waits_for_the_answer() -> None:
    end, stream = client_end(from_client(b"early"), close(1011))
    stream.end()
    end.part(1011, "target refused", HASTY)
    assert stream.written == closed(1011, b"target refused")
    assert stream.finished
    assert stream.aborted


def test_parting_gives_a_client_that_says_nothing_no_longer_than_patience() -> None:
    end, stream = client_end()
    end.part(1011, "target refused", HASTY)
    assert stream.written == closed(1011, b"target refused")
    assert stream.aborted


def test_parting_gives_a_client_that_takes_nothing_no_longer_than_patience() -> None:
    end, stream = client_end()
    stream.fill()
    end.part(1011, "target refused", HASTY)
    assert stream.writes == []
    assert stream.aborted
