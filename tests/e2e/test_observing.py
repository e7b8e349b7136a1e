"""What an operator sees of a session: the log, `--traffic`, and `--record` on disk."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from .programs import Programs
from .proxy import Proxy, start_proxy
from .targets import echo, tcp_target
from .wire import CLOSE, Wire, masked_frame

pytestmark = pytest.mark.e2e

SAID = b"it's <b>\\\n\xff"

# The same as the record has it: a string of JavaScript that no page takes for a tag.
WRITTEN = r"it\'s \x3cb>\\\n\xff"


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def hold_session(proxy: Proxy) -> None:
    """One message there and back, and an orderly end."""
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host, "Sec-WebSocket-Protocol: binary")
        wire.send(masked_frame(SAID))
        assert wire.read_payload(len(SAID)) == SAID
        wire.send(masked_frame(struct.pack("!H", 1000), CLOSE))
        assert wire.read_close()[0] == 1000


def test_the_log_tells_a_sessions_beginning_and_end(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, cwd=tmp_path)
    hold_session(proxy)
    opened = proxy.program.wait_for_output(r"session opened id=(\w{16}) .*dialect=rfc-6455.*\n")
    assert target in opened[0]
    closed = proxy.program.wait_for_output(rf"session closed id={opened[1]} .*\n")
    for fact in (f"upstream_bytes={len(SAID)}", "reason=closed", "close_code=1000"):
        assert fact in closed[0]


def test_traffic_is_drawn_under_its_legend(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, "--traffic", cwd=tmp_path)
    proxy.program.wait_for_output(r"Traffic Legend:\n +} +- Client receive\n")
    hold_session(proxy)
    # Other lines of the log may stand between the glyphs.
    proxy.program.wait_for_output(r"(?s)\}>.*\{<")


def read_record(record: Path) -> tuple[dict[str, object], list[str]]:
    """What the record says of its session, and its frames as they are written."""
    text = record.read_text(encoding="ascii")
    assert "var VNC_frame_encoding = 'binary';\n" in text
    told = re.search(r"^var WSPROXY_record = (\{.*\});$", text, re.MULTILINE)
    assert told
    frames = text.partition("var VNC_frame_data = [\n")[2]
    assert frames.endswith("'EOF'];\n")
    return json.loads(told[1]), frames.splitlines()[:-1]


@pytest.mark.row("record")
@pytest.mark.parametrize("name", ["rec", "rec.js", "records/"])
def test_a_record_holds_both_directions_as_the_player_wants_them(
    name: str, programs: Programs, target: str, tmp_path: Path
) -> None:
    directory = tmp_path / "out"
    (directory / "records").mkdir(parents=True)
    proxy = start_proxy(programs, target, "--record", f"{directory}/{name}", cwd=tmp_path)
    hold_session(proxy)
    opened = proxy.program.wait_for_output(r"session opened id=(\w{16})")
    proxy.program.wait_for_output("session closed")
    proxy.program.stop()

    [record] = [path for path in directory.rglob("*") if path.is_file()]
    named = r"rec\.\d+" if name == "rec" else rf".*-{opened[1]}\.js"
    assert re.fullmatch(named, record.name)
    assert record.stat().st_mode & 0o777 == 0o600
    facts, [there, back] = read_record(record)
    assert re.fullmatch(rf"'\}}\d+\}}{re.escape(WRITTEN)}',", there)
    assert re.fullmatch(rf"'\{{\d+\{{{re.escape(WRITTEN)}',", back)
    assert (facts["id"], facts["target"], facts["dialect"]) == (opened[1], target, "rfc-6455")
