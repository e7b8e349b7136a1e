from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.record.fakes import FaultyWrite, StallingWrite
from tests.record.script import DOWN, INFO, UP, read_script
from wsproxy_gevent.record.file import Frame, PositionedWrite, RecordFile
from wsproxy_gevent.record.format import TAIL, line
from wsproxy_gevent.record.naming import RecordNames

FRAMES = [
    Frame(DOWN, 0, b"RFB 003.008\n"),
    Frame(UP, 3, b"RFB 003.008\n"),
    Frame(DOWN, 5, bytes(range(256))),
    Frame(UP, 9, b"</script>'\\"),
]


def new_file(tmp_path: Path, pwrite: PositionedWrite = os.pwrite) -> RecordFile:
    return RecordFile(RecordNames(f"{tmp_path}/rec"), INFO, pwrite=pwrite)


def opened(tmp_path: Path, pwrite: PositionedWrite = os.pwrite) -> tuple[RecordFile, Path]:
    file = new_file(tmp_path, pwrite)
    file.open()
    assert file.path is not None
    return file, Path(file.path)


def is_open(path: Path) -> bool:
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return str(path) in [os.readlink(link) for link in links if os.path.lexists(link)]


def test_a_new_record_is_a_valid_script_without_frames(tmp_path: Path) -> None:
    file, path = opened(tmp_path)
    file.close()
    assert read_script(path.read_bytes()).frames == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_record_is_valid_after_every_write(tmp_path: Path) -> None:
    file, path = opened(tmp_path)
    for count, frame in enumerate(FRAMES, 1):
        file.append([frame])
        assert read_script(path.read_bytes()).frames == FRAMES[:count]
    file.close()


def test_what_is_appended_at_once_is_one_write(tmp_path: Path) -> None:
    writes: list[bytes] = []

    def counted(descriptor: int, data: bytes, offset: int) -> int:
        writes.append(data)
        return os.pwrite(descriptor, data, offset)

    file, path = opened(tmp_path, counted)
    file.append(FRAMES)
    file.close()
    assert len(writes) == 2
    assert writes[1] == b"".join(line(*frame) for frame in FRAMES) + TAIL
    assert read_script(path.read_bytes()).frames == FRAMES


@pytest.mark.fault(24)
def test_a_short_write_leaves_the_record_as_it_was_wherever_it_was_cut(tmp_path: Path) -> None:
    more = len(line(*FRAMES[1]))
    for room in range(more):
        write = FaultyWrite()
        file, path = opened(tmp_path, write)
        file.append(FRAMES[:1])
        write.room = room
        with pytest.raises(OSError, match=r"full|No space"):
            file.append(FRAMES[1:2])
        file.close()
        assert read_script(path.read_bytes()).frames == FRAMES[:1]


def test_a_write_that_fits_to_the_byte_is_no_short_one(tmp_path: Path) -> None:
    write = FaultyWrite()
    file, path = opened(tmp_path, write)
    write.room = len(line(*FRAMES[0]))
    file.append(FRAMES[:1])
    file.close()
    assert read_script(path.read_bytes()).frames == FRAMES[:1]


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_record_that_cannot_even_be_opened_leaves_no_file(tmp_path: Path, room: int) -> None:
    file = new_file(tmp_path, FaultyWrite(room))
    with pytest.raises(OSError, match=r"full|No space"):
        file.open()
    file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault(24)
def test_a_disk_that_fails_for_good_is_an_error_and_not_more(tmp_path: Path) -> None:
    fails = False

    def failing(descriptor: int, data: bytes, offset: int) -> int:
        if fails:
            raise OSError(errno.EIO, "I/O error")
        return os.pwrite(descriptor, data, offset)

    file, path = opened(tmp_path, failing)
    fails = True
    with pytest.raises(OSError, match="I/O error"):
        file.append(FRAMES)
    file.close()
    assert read_script(path.read_bytes()).frames == []


def test_nothing_is_written_after_the_close(tmp_path: Path) -> None:
    file, path = opened(tmp_path)
    file.close()
    file.close()
    with pytest.raises(OSError, match="closed"):
        file.append(FRAMES)
    assert read_script(path.read_bytes()).frames == []


def test_a_record_that_was_given_up_before_it_began_is_not_made(tmp_path: Path) -> None:
    file = new_file(tmp_path)
    file.close()
    with pytest.raises(OSError, match="closed"):
        file.open()
    assert list(tmp_path.iterdir()) == []


def test_a_call_under_way_keeps_the_descriptor_until_it_returns(tmp_path: Path) -> None:
    write = StallingWrite()
    file, path = opened(tmp_path, write)
    write.stalls = True
    thread = threading.Thread(target=file.append, args=(FRAMES,))
    thread.start()
    assert write.entered.wait(5)
    assert (file.busy, is_open(path)) == (True, True)
    file.close()
    assert is_open(path)
    write.go_on.set()
    thread.join(5)
    assert (file.busy, is_open(path)) == (False, False)
    assert read_script(path.read_bytes()).frames == FRAMES


LIMITED = """
import resource, sys
from tests.record.script import INFO, DOWN
from wsproxy_gevent.record.file import Frame, RecordFile
from wsproxy_gevent.record.naming import RecordNames
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
file = RecordFile(RecordNames(sys.argv[1]), INFO)
file.open()
written = 0
try:
    while True:
        file.append([Frame(DOWN, written, b"x" * 100)])
        written += 1
except OSError as error:
    file.close()
    print(written, error)
"""


@pytest.mark.fault(24)
def test_a_real_limit_on_the_file_ends_the_record_whole(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] in (resource.RLIM_INFINITY, -1)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, f"{tmp_path}/rec"],
        capture_output=True,
        check=True,
        timeout=30,
        cwd=Path(__file__).parents[2],
    )
    count, _, why = done.stdout.decode().partition(" ")
    assert "short write" in why or "too large" in why
    record = (tmp_path / "rec.1").read_bytes()
    assert 1000 < len(record) <= 2000
    assert len(read_script(record).frames) == int(count) > 0
