"""A run as a picture: what each peer costs in each mode, as multiples of HAProxy.

SVG by hand, since it is a scale, some lines and dots; one drawing then needs no
library, and its text can be read and searched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .figures import Estimate, ratios
from .modes import MODES, Counted
from .peers import REFERENCE

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BOTTOM = 900, 120, 40, 62, 24, 40

# Okabe and Ito's colours, which the colour-blind can tell apart.
_COLOURS = {
    "ours": "#d55e00",
    "ours-python": "#e69f00",
    "haproxy": "#000000",
    "haproxy-1m": "#777777",
    "websocat": "#0072b2",
    "websockify": "#009e73",
    "node-ws": "#cc79a7",
    "socat": "#56b4e9",
}
_LATENCIES = (Counted.KEY, Counted.FAIRNESS)


@dataclass(frozen=True)
class _Dot:
    peer: str
    row: int
    at: Estimate


def _dots(values: Mapping[str, Mapping[str, Mapping[int, float]]]) -> tuple[list[str], list[_Dot]]:
    rows = [
        mode.name
        for mode in MODES.values()
        if mode.counted not in _LATENCIES and REFERENCE in values.get(mode.name, {})
    ]
    dots = [
        _Dot(peer, row, Estimate.of(compared))
        for row, mode in enumerate(rows)
        for peer in _COLOURS
        if (compared := ratios(values[mode].get(peer, {}), values[mode][REFERENCE]))
    ]
    return rows, dots


class _Scale:
    """Logarithmic: half and double are equally far from one."""

    def __init__(self, dots: Sequence[_Dot]) -> None:
        self.least = math.floor(math.log10(min((dot.at.low for dot in dots), default=0.5)))
        self.most = math.ceil(math.log10(max((dot.at.high for dot in dots), default=10)))
        self.most = max(self.most, self.least + 1)

    def x(self, ratio: float) -> float:
        share = (math.log10(ratio) - self.least) / (self.most - self.least)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def ticks(self) -> Iterator[float]:
        for power in range(self.least, self.most + 1):
            for step in (1, 2, 5):
                if (tick := step * 10.0**power) <= 10.0**self.most:
                    yield tick


_TITLE = "CPU and memory as multiples of HAProxy: medians, 90 % intervals; lower is better"


def draw(values: Mapping[str, Mapping[str, Mapping[int, float]]]) -> str:
    rows, dots = _dots(values)
    scale = _Scale(dots)
    height = _TOP + len(rows) * _ROW + _BOTTOM
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">',
            "<style>text {font: 12px sans-serif}</style>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="{_LEFT}" y="18">{_TITLE}</text>',
            *_legend({dot.peer for dot in dots}),
            *_grid(rows, scale, height),
            *(line for dot in dots for line in _marks(dot, scale)),
            "</svg>",
            "",
        ]
    )


def _legend(peers: set[str]) -> Iterator[str]:
    x = _LEFT
    for peer, colour in _COLOURS.items():
        if peer in peers:
            yield f'<circle cx="{x}" cy="38" r="5" fill="{colour}"/>'
            yield f'<text x="{x + 9}" y="42">{peer}</text>'
            x += 32 + 7 * len(peer)


def _y(row: int) -> float:
    return _TOP + (row + 0.5) * _ROW


def _grid(rows: Sequence[str], scale: _Scale, height: int) -> Iterator[str]:
    end = height - _BOTTOM
    for tick in scale.ticks():
        x, colour = scale.x(tick), "#000" if tick == 1 else "#ddd"
        yield f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{end}" stroke="{colour}"/>'
        yield f'<text x="{x}" y="{end + 18}" text-anchor="middle">{tick:g}</text>'
    for row, mode in enumerate(rows):
        yield f'<text x="{_LEFT - 10}" y="{_y(row) + 4}" text-anchor="end">{mode}</text>'


def _marks(dot: _Dot, scale: _Scale) -> Iterator[str]:
    colour, y = _COLOURS[dot.peer], _y(dot.row)
    low, high = scale.x(dot.at.low), scale.x(dot.at.high)
    yield f'<line x1="{low}" y1="{y}" x2="{high}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
    title = f"{dot.peer}: {dot.at.median:.3g} x HAProxy"
    yield (
        f'<circle cx="{scale.x(dot.at.median)}" cy="{y}" r="5" fill="{colour}" fill-opacity="0.8">'
        f"<title>{title}</title></circle>"
    )
