"""A run's results as tables: what each costs, how long it takes, which bars it meets."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .bars import BARS, Bar
from .figures import Estimate, differences, ratios, shown
from .modes import MODES, Counted
from .peers import DIRECT, OURS

ByRound = dict[int, float]
Values = Mapping[str, Mapping[str, ByRound]]
"""Mode, peer, round."""


def values_of(results: Mapping[str, Any]) -> Values:
    values: dict[str, dict[str, ByRound]] = {}
    for one in results["measurements"]:
        values.setdefault(one["mode"], {}).setdefault(one["peer"], {})[one["round"]] = one["value"]
    return {mode: _added(mode, peers) for mode, peers in values.items()}


def _added(mode: str, peers: dict[str, ByRound]) -> dict[str, ByRound]:
    """A keystroke's time without a proxy is not the proxy's."""
    if MODES[mode].counted is not Counted.KEY or DIRECT not in peers:
        return peers
    direct = peers[DIRECT]
    return {
        peer: dict(
            zip(sorted(set(rounds) & set(direct)), differences(rounds, direct), strict=True)
        )
        for peer, rounds in peers.items()
        if peer != DIRECT
    }


def table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown, aligned to be read as it is; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def costs(values: Values) -> str:
    """Each peer's median in each mode."""
    peers = list(dict.fromkeys(peer for by_peer in values.values() for peer in by_peer))
    peers.sort(key=lambda peer: (peer != OURS, peer == DIRECT))
    rows = [["mode", "unit", *peers]]
    for mode in MODES.values():
        if by_peer := values.get(mode.name):
            medians = [
                shown(statistics.median(by_peer[peer].values())) if by_peer.get(peer) else "-"
                for peer in peers
            ]
            rows.append([mode.name, mode.counted.value, *medians])
    return table(rows)


def latencies(results: Mapping[str, Any]) -> str:
    """Medians of the rounds' percentiles; with what was alone, where it was."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in results["measurements"]:
        if one["result"].get("samples"):
            found.setdefault((one["mode"], one["peer"]), []).append(one)
    rows = [["mode", "who", "p50 ms", "p99 ms", "alone: p50 ms", "p99 ms"]]
    for (mode, peer), many in sorted(
        found.items(), key=lambda item: list(MODES).index(item[0][0])
    ):
        cells = [_middle(many, "result", key) for key in ("p50_us", "p99_us")]
        cells += [_middle(many, "alone", key) for key in ("p50_us", "p99_us")]
        rows.append([mode, peer, *cells])
    return table(rows) if len(rows) > 1 else ""


def _middle(many: Sequence[Mapping[str, Any]], of: str, key: str) -> str:
    values = [one[of][key] for one in many if key in one[of]]
    return shown(statistics.median(values) / 1000) if values else ""


def measured_for(bar: Bar, values: Values) -> Estimate | None:
    by_peer = values.get(bar.mode, {})
    ours = by_peer.get(bar.peer)
    if not ours:
        return None
    if bar.against is None:
        return Estimate.of(list(ours.values()))
    compared = ratios(ours, by_peer.get(bar.against, {}))
    return Estimate.of(compared) if compared else None


def verdicts(values: Values) -> str:
    rows = [["mode", "who", "measured", "90 % interval", "rounds", "bar", "stretch", "verdict"]]
    for bar in BARS:
        if (measured := measured_for(bar, values)) is None:
            continue
        times = " x" if bar.against else ""
        rows.append(
            [
                bar.mode,
                f"{bar.peer} / {bar.against}" if bar.against else bar.peer,
                shown(measured.median) + times,
                f"{shown(measured.low)}..{shown(measured.high)}",
                str(measured.rounds),
                f"≤ {shown(bar.passes)}",
                "" if bar.stretch is None else f"≤ {shown(bar.stretch)}",
                bar.verdict(measured),
            ]
        )
    return table(rows) if len(rows) > 1 else "no row of the bars was measured"


def limits(results: Mapping[str, Any]) -> list[str]:
    """Where the load generator was what limited; said, not hidden."""
    seen: dict[str, int] = {}
    for one in results["measurements"]:
        if one["limited"]:
            key = f"{one['mode']} {one['peer']}: {one['limited']}"
            seen[key] = seen.get(key, 0) + 1
    return [f"{key} in {count} rounds" for key, count in seen.items()]
