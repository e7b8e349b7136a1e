from __future__ import annotations

from collections.abc import Callable

import pytest

from wsproxy_gevent.model import Direction
from wsproxy_gevent.observer import PayloadObserver
from wsproxy_gevent.telemetry.traffic import LEGEND, TrafficPrinter

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM

GLYPHS: list[tuple[str, Callable[[PayloadObserver], None], str]] = [
    ("}", lambda seen: seen.received(UP, b"x"), "Client receive"),
    ("}.", lambda seen: seen.incomplete(UP), "Client receive partial"),
    ("{", lambda seen: seen.received(DOWN, b"x"), "Target receive"),
    (">", lambda seen: seen.sent(UP, whole=True), "Target send"),
    (">.", lambda seen: seen.sent(UP, whole=False), "Target send partial"),
    ("<", lambda seen: seen.sent(DOWN, whole=True), "Client send"),
    ("<.", lambda seen: seen.sent(DOWN, whole=False), "Client send partial"),
]


@pytest.mark.parametrize(("glyph", "happens", "meaning"), GLYPHS)
def test_what_moves_is_written_as_the_legend_says(
    glyph: str, happens: Callable[[PayloadObserver], None], meaning: str
) -> None:
    written: list[str] = []
    happens(TrafficPrinter(written.append))
    assert written == [glyph]
    assert f"    {glyph:<2} - {meaning}\n" in LEGEND


def test_the_legend_explains_each_glyph_and_no_other() -> None:
    lines = [line.split() for line in LEGEND.splitlines()[1:] if line]
    assert [line[0] for line in lines] == [glyph for glyph, _, _ in GLYPHS]


def test_what_has_no_glyph_writes_nothing() -> None:
    written: list[str] = []
    printer = TrafficPrinter(written.append)
    printer.incomplete(DOWN)
    printer.ended()
    assert written == []
