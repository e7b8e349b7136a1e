"""Which pages the settings mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client

from wsproxy_gevent.config.settings import Mode, Settings
from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.site import find_site


@pytest.fixture
def pool() -> Iterator[NativePool]:
    pool = NativePool(2)
    yield pool
    pool.close()


def novnc(directory: Path) -> str:
    (directory / "core").mkdir()
    (directory / "core" / "rfb.js").write_text("export default class RFB {}")
    return str(directory)


def test_without_files_a_plain_request_is_told_what_the_port_is_for(pool: NativePool) -> None:
    answer = Client(find_site(Settings(), pool)).get("/")
    assert answer.status_code == 426
    assert "--web" in answer.text


def test_files_are_served_with_the_users_headers(pool: NativePool, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>mine")
    settings = Settings(web=str(tmp_path), header=("X-Mine: yes",))
    answer = Client(find_site(settings, pool)).get("/")
    assert (answer.text, answer.headers["X-Mine"]) == ("<p>mine", "yes")


@pytest.mark.parametrize(
    ("switches", "status"),
    [({}, 404), ({"web_index": True}, 200), ({"web_index": True, "file_only": True}, 404)],
)
def test_directories_are_listed_only_when_asked_for(
    pool: NativePool, tmp_path: Path, switches: dict[str, bool], status: int
) -> None:
    settings = Settings(web=str(tmp_path), **switches)  # type: ignore[arg-type]
    assert Client(find_site(settings, pool)).get("/").status_code == status


def test_the_demo_has_its_page(pool: NativePool) -> None:
    assert "demo.js" in Client(find_site(Settings(mode=Mode.DEMO), pool)).get("/").text


def test_the_desktop_has_its_page_and_novnc(pool: NativePool, tmp_path: Path) -> None:
    client = Client(find_site(Settings(mode=Mode.VNC, novnc=novnc(tmp_path)), pool))
    assert "vnc.js" in client.get("/").text
    assert "class RFB" in client.get("/novnc/core/rfb.js").text


def test_a_directory_without_novnc_is_told_at_start(pool: NativePool, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"core/rfb\.js"):
        find_site(Settings(mode=Mode.VNC, novnc=str(tmp_path)), pool)


def test_a_missing_directory_is_told_at_start(pool: NativePool, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="absent"):
        find_site(Settings(web=str(tmp_path / "absent")), pool)


def test_a_header_that_is_none_is_a_usage_error(pool: NativePool) -> None:
    with pytest.raises(UsageError, match="Name: value"):
        find_site(Settings(header=("no colon",)), pool)
