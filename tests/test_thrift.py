from __future__ import annotations

import gc

import gevent
import pytest

from wsproxy_gevent.thrift import YOUNG_OBJECTS, thrifty


def settings() -> tuple[bool, tuple[int, int, int], bool]:
    return gevent.config.track_greenlet_tree, gc.get_threshold(), gc.get_freeze_count() > 0


def test_it_holds_for_as_long_as_we_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEVENT_TRACK_GREENLET_TREE", raising=False)
    before = settings()
    with thrifty():
        tracked, (young, *_), frozen = settings()
        assert (tracked, young, frozen) == (False, YOUNG_OBJECTS, True)
    assert settings() == before


def test_who_asks_gevent_for_pedigrees_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEVENT_TRACK_GREENLET_TREE", "1")
    with thrifty():
        assert gevent.config.track_greenlet_tree is True
