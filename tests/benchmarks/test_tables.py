"""The tables that a run prints, from a run of literal numbers."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import plot
from benchmarks.bars import BARS, Bar
from benchmarks.figures import Estimate
from benchmarks.modes import MODES
from benchmarks.peers import PEERS
from benchmarks.report import merged, notes, text, with_part
from benchmarks.run import chosen, rotated
from benchmarks.tables import costs, latencies, limits, table, values_of, verdicts


def one(peer: str, mode: str, round_: int, value: float, **more: Any) -> dict[str, Any]:
    usual = {"limited": "", "sessions": MODES[mode].sessions, "alone": {}, "result": {}}
    return {"peer": peer, "mode": mode, "round": round_, "value": value, **usual, **more}


def run_of(*measurements: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"missing": {}, "cannot": {}, "versions": {}, "failures": []}
    usual["command"] = "make bench"
    return {**usual, "measurements": list(measurements), **more}


DOWN = run_of(
    one("ours", "down1", 1, 0.3),
    one("haproxy", "down1", 1, 0.2),
    one("haproxy", "down1", 2, 0.4),
    one("ours", "down1", 2, 0.44),
    one("ours", "down1", 3, 0.26),
    one("haproxy", "down1", 3, 0.2),
)


def test_a_table_can_be_read_as_it_is() -> None:
    assert table([["mode", "ours"], ["down1", "0.3"]]).splitlines() == [
        "| mode  | ours |",
        "|-------|------|",
        "| down1 | 0.3  |",
    ]


def test_costs_are_medians_and_what_was_not_measured_is_a_dash() -> None:
    results = run_of(*DOWN["measurements"], one("socat", "ask1", 1, 25.0))
    assert costs(values_of(results)).splitlines()[2:] == [
        "| down1 | CPU s/GB       | 0.300 | 0.200   | -     |",
        "| ask1  | CPU µs/message | -     | -       | 25.0  |",
    ]


def test_a_verdict_compares_within_rounds() -> None:
    row = verdicts(values_of(DOWN)).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "down1",
        "ours / haproxy",
        "1.30 x",
        "1.10..1.50",
        "3",
        "≤ 1.20",
        "≤ 0.900",
        "pass",
    ]


@pytest.mark.parametrize(
    ("low", "verdict"), [(0.9, "stretch"), (0.91, "pass"), (1.2, "pass"), (1.21, "FAIL")]
)
def test_the_lower_end_of_the_interval_decides(low: float, verdict: str) -> None:
    assert Bar("down1", 1.2, 0.9).verdict(Estimate(2.0, low, 3.0, 7)) == verdict


def test_every_bar_is_for_a_mode_and_peers_that_there_are() -> None:
    assert {bar.mode for bar in BARS} <= set(MODES)
    assert {bar.peer for bar in BARS} | {bar.against for bar in BARS if bar.against} <= set(PEERS)


def test_a_keystroke_is_charged_with_what_the_proxy_added() -> None:
    results = run_of(one("direct", "keys", 1, 2.0), one("ours", "keys", 1, 2.5))
    assert values_of(results)["keys"] == {"ours": {1: 0.5}}


def test_latencies_name_what_they_were_alone() -> None:
    latency = {"samples": 9, "p50_us": 1500.0, "p99_us": 9000.0}
    alone = {"p50_us": 1400.0, "p99_us": 4000.0}
    results = run_of(one("ours", "fair_up", 1, 5.0, result=latency, alone=alone))
    assert latencies(results).splitlines()[2:] == [
        "| fair_up | ours | 1.50   | 9.00   | 1.40          | 4.00   |"
    ]


def test_what_limited_is_said_and_what_is_missing_named() -> None:
    results = run_of(
        one("ours", "down1", 1, 0.3, limited="client"),
        one("ours", "down1", 2, 0.3, limited="client"),
        one("websockify", "idle9000", 1, 3.0, sessions=200),
        one("haproxy", "tls_down1", 1, 1.0, result={"cipher": "TLS_AES_256_GCM_SHA384"}),
        one("websocat", "connect", 1, 3.0, result={"unanswered_closes": 3, "resets": 0}),
        missing={"socat": "not found: socat"},
        cannot={"websockify": {"keys": "too many"}},
        failures=[{"peer": "node-ws", "mode": "down8", "round": 2, "why": "it fell over"}],
    )
    assert limits(results) == ["down1 ours: client in 2 rounds"]
    assert notes(results) == [
        "missing: socat: not found: socat",
        "left out: keys websockify: too many",
        "generator_limited: down1 ours: client in 2 rounds",
        "closed without an answer to Close: connect websocat",
        "cipher: haproxy: TLS_AES_256_GCM_SHA384",
        "idle9000 websockify: with 200 sessions",
        "FAILED: down8 node-ws in round 2: it fell over",
    ]
    assert "FAILED: down8 node-ws" in text(results)


def test_of_two_files_the_later_has_the_word_on_a_mode() -> None:
    later = run_of(one("ours", "ask1", 1, 9.0))
    both = merged([run_of(*DOWN["measurements"], one("ours", "ask1", 1, 5.0)), later])
    assert values_of(both)["ask1"] == {"ours": {1: 9.0}}
    assert len(both["measurements"]) == 7
    assert both["command"] == "make bench"
    again = merged([later, {**later, "command": "make bench ROUNDS=3"}])
    assert again["command"] == "make bench\nmake bench ROUNDS=3"


def test_a_page_keeps_what_is_around_the_markers() -> None:
    page = "a\n<!-- benchmarks: begin -->\nold\n<!-- benchmarks: end -->\nb\n"
    assert with_part(page, "new") == page.replace("old", "new")
    two = page + page.replace("benchmarks", "twin")
    assert with_part(two, "new", "twin") == page + with_part(two, "new", "twin")[len(page) :]
    assert with_part(two, "new", "twin").count("old") == 1
    with pytest.raises(ValueError, match="lacks"):
        with_part("a page", "new")


def test_the_plot_has_a_dot_for_each_peer_in_each_mode() -> None:
    picture = plot.draw(values_of(DOWN))
    assert "ours: 1.3 x HAProxy" in picture
    assert "haproxy: 1 x HAProxy" in picture


def test_modes_are_chosen_by_pattern_in_their_own_order() -> None:
    assert chosen("tls_down1,down*", MODES) == ["down1", "down8", "tls_down1"]
    with pytest.raises(SystemExit, match="no such name: upp"):
        chosen("upp", MODES)


def test_everyone_begins_a_round_in_turn() -> None:
    assert [rotated(["a", "b", "c"], by)[0] for by in range(4)] == ["a", "b", "c", "a"]
