from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.record.script import DOWN, INFO, UP, read_script
from wsproxy_gevent.model import Dialect, Direction, EchoTarget, Peer, UnixTarget
from wsproxy_gevent.record.format import TAIL, escape, line, opening

EVERY_BYTE = bytes(range(256))

ESCAPED = [
    (b"RFB 003.008\n", rb"RFB 003.008\n"),
    (b"'\\{}\n", rb"\'\\{}\n"),
    (b"\r\t\x00\x1f\x7f\x80\xff", rb"\r\t\x00\x1f\x7f\x80\xff"),
    (b"</script><!--", rb"\x3c/script>\x3c!--"),
    (b'"`${x}', b'"`${x}'),
    ("\u2028".encode(), rb"\xe2\x80\xa8"),
    (b"\\x3c", rb"\\x3c"),
    (b"\\'", rb"\\\'"),
    (b"", b""),
]


@pytest.mark.parametrize(("payload", "text"), ESCAPED)
def test_bytes_are_written_as_a_script_reads_them(payload: bytes, text: bytes) -> None:
    assert escape(payload) == text


def test_a_frame_has_its_delimiter_on_both_sides_of_the_time() -> None:
    assert line(UP, 7, b"a{}") == b"'}7}a{}',\n"
    assert line(DOWN, 12, b"a{}") == b"'{12{a{}',\n"


def test_a_record_opens_with_encoding_remark_description_and_array() -> None:
    assert opening(INFO) == (
        b"var VNC_frame_encoding = 'binary';\n"
        b"// A recorded session. It holds what was typed, passwords too:"
        b" keep it as safe as those.\n"
        b'var WSPROXY_record = {"version": 1, "id": "0123456789abcdef",'
        b' "start": "2026-11-23T07:53:42.250Z", "peer": "192.0.2.1:40000",'
        b' "target": "localhost:5900", "dialect": "rfc-6455", "subprotocol": "binary",'
        b' "tls": null, "user": null};\n'
        b"var VNC_frame_data = [\n"
    )
    assert TAIL == b"'EOF'];\n"


def test_the_path_with_its_token_is_not_recorded() -> None:
    assert b"secret" not in opening(INFO)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("first", range(256))
def test_each_byte_comes_back_wherever_it_stands(direction: Direction, first: int) -> None:
    payload = bytes([first]) + EVERY_BYTE + bytes([first])
    text = opening(INFO) + line(direction, 0, payload) + TAIL
    assert read_script(text).frames == [(direction, 0, payload)]


FRAMES = st.lists(st.tuples(st.sampled_from(Direction), st.integers(0, 10**9), st.binary()))


@given(FRAMES)
def test_whatever_is_recorded_is_read_again(frames: list[tuple[Direction, int, bytes]]) -> None:
    text = opening(INFO) + b"".join(line(*frame) for frame in frames) + TAIL
    assert read_script(text).frames == frames


@given(st.text(), st.sampled_from([*Dialect]), st.text())
def test_the_description_is_safe_whatever_the_session_is_called(
    subprotocol: str, dialect: Dialect, path: str
) -> None:
    info = dataclasses.replace(
        INFO,
        subprotocol=f"</script>\u2028{subprotocol}",
        dialect=dialect,
        target=UnixTarget(f"/{path}"),
        tls="TLSv1.3",
        peer=Peer(""),
    )
    about = read_script(opening(info) + TAIL).about
    assert about == {
        "version": 1,
        "id": "0123456789abcdef",
        "start": "2026-11-23T07:53:42.250Z",
        "peer": "unix",
        "target": f"unix:/{path}",
        "dialect": dialect.value,
        "subprotocol": f"</script>\u2028{subprotocol}",
        "tls": "TLSv1.3",
        "user": None,
    }


def test_an_embedded_target_and_no_subprotocol_are_described() -> None:
    info = dataclasses.replace(INFO, target=EchoTarget(), subprotocol=None)
    about = read_script(opening(info) + TAIL).about
    assert (about["target"], about["subprotocol"]) == ("echo:", None)
