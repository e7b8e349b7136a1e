"""Files held in memory."""

from __future__ import annotations

import pytest

from tests.web.calls import environ_of
from wsproxy_gevent.errors import NotFound
from wsproxy_gevent.web.memory import MemoryFiles

FILES = MemoryFiles({"/a.js": b"0123456789"})


def test_a_file_is_sent_with_its_type_and_version() -> None:
    answer = FILES.respond("/a.js", environ_of("/a.js"))
    assert answer.get_data() == b"0123456789"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_what_the_browser_has_is_not_sent_again() -> None:
    etag = FILES.respond("/a.js", environ_of("/")).headers["ETag"]
    again = FILES.respond("/a.js", environ_of("/", if_none_match=etag))
    assert again.status_code == 304


def test_a_range_is_that_part() -> None:
    answer = FILES.respond("/a.js", environ_of("/", range="bytes=3-5"))
    assert (answer.status_code, b"".join(answer.iter_encoded())) == (206, b"345")


@pytest.mark.parametrize("path", ["/", "/a", "/a.js/", "a.js", "/../a.js"])
def test_other_paths_are_not_found(path: str) -> None:
    assert path not in FILES
    with pytest.raises(NotFound):
        FILES.respond(path, environ_of("/"))
