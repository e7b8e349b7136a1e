from __future__ import annotations

from wsproxy_gevent.wire.message import Headers, Request

HEADERS = Headers([("Accept", "a, b"), ("X-One", "1"), ("ACCEPT", ",c ,\t,")])


def test_names_compare_without_case() -> None:
    assert HEADERS.get("accept") == "a, b"
    assert "x-one" in HEADERS
    assert HEADERS.get("x-two") is None


def test_repeated_fields_keep_their_order() -> None:
    assert HEADERS.get_all("accept") == ("a, b", ",c ,\t,")
    assert list(HEADERS) == [("accept", "a, b"), ("x-one", "1"), ("accept", ",c ,\t,")]
    assert len(HEADERS) == 3


def test_a_list_spans_its_lines_and_leaves_out_what_is_empty() -> None:
    assert HEADERS.get_list("accept") == ("a", "b", "c")
    assert HEADERS.get_list("x-two") == ()


def test_headers_are_equal_by_their_fields_in_order() -> None:
    one, two = ("a", "1"), ("b", "2")
    assert Headers([one, two]) == Headers([("A", "1"), two])
    assert Headers([one, two]) != Headers([two, one])
    assert Headers([one]) != [one]
    assert len({Headers([one]), Headers([("A", "1")])}) == 1


def test_a_request_target_is_a_path_and_a_query() -> None:
    request = Request("GET", "/a/b?c=?&d")
    assert (request.path, request.query) == ("/a/b", "c=?&d")
    assert (Request("GET", "/a").path, Request("GET", "/a").query) == ("/a", "")


def test_an_option_is_found_in_any_case_and_place() -> None:
    headers = Headers([("Connection", "keep-alive, Upgrade"), ("Connection", "x"), ("TE", "Y")])
    assert headers.has_option("connection", "upgrade")
    assert headers.has_option("connection", "x")
    assert headers.has_option("te", "y")
    assert not headers.has_option("connection", "up")
    assert not headers.has_option("upgrade", "websocket")


def test_each_name_is_listed_once() -> None:
    assert list(HEADERS.names) == ["accept", "x-one"]
