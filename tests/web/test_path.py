"""Request paths in one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.errors import BadRequest, NotFound
from wsproxy_gevent.web.path import directory_reference, path_of, quoted_name


@pytest.mark.parametrize(
    ("path_info", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a.b/c-d_~", "/a.b/c-d_~"),
        ("/%2e%2e/", "/%2e%2e/"),
        ("/b\xc3\xbccher", "/bücher"),
        ("/b\xfccher", "/b\udcfccher"),
        ("/a..b/...c"[:5], "/a..b"),
    ],
)
def test_the_server_has_decoded_a_path_and_we_do_not(path_info: str, path: str) -> None:
    assert path_of({"PATH_INFO": path_info}) == path


@pytest.mark.parametrize(
    "path_info",
    [
        *("*", "a", "//", "//a", "/a//b", "/a//", "/.", "/..", "/./a", "/a/..", "/a/../b"),
        *(
            "/a\\b",
            "/\\a",
            "/a\x00",
            "/a\n",
            "/a\x7f",
            "/a\x1b[2J",
            "/\u0101",
            "http://a/",
            "/a/./b",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_is_a_bad_request(path_info: str) -> None:
    with pytest.raises(BadRequest):
        path_of({"PATH_INFO": path_info})


@pytest.mark.parametrize("path_info", ["/.git/config", "/.env", "/a/.b", "/.a/", "/...", "/..a"])
def test_names_that_begin_with_a_dot_are_not_found(path_info: str) -> None:
    with pytest.raises(NotFound):
        path_of({"PATH_INFO": path_info})


@given(st.text())
def test_no_path_raises_anything_else(path_info: str) -> None:
    try:
        path = path_of({"PATH_INFO": path_info})
    except (BadRequest, NotFound):
        return
    assert path.startswith("/")
    assert not {"", ".", ".."} & set(path.strip("/").split("/")) or path == "/"


@pytest.mark.parametrize(
    ("path", "reference"),
    [
        ("/sub", "./sub/"),
        ("/a/sub", "./sub/"),
        ("/javascript:alert(1)", "./javascript%3Aalert%281%29/"),
        ("/a b?c#d", "./a%20b%3Fc%23d/"),
        ("/evil.example%2f", "./evil.example%252f/"),
    ],
)
def test_a_reference_to_a_directory_names_no_other_site(path: str, reference: str) -> None:
    assert directory_reference(path) == reference


def test_a_name_is_quoted_by_its_bytes() -> None:
    assert quoted_name("b\udcfccher/ü") == "b%FCcher%2F%C3%BC"
