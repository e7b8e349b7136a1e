"""Medians and their intervals, of ratios within a round.

Two peers are compared in the same round, a minute apart, for a machine that is
busy with other things is busy for both.  The interval is the bootstrap's: 90 %
of the medians of as many values, drawn with replacement from those measured.
The draws are seeded, so that the same values give the same interval.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DRAWS = 4000
_OUTSIDE = 0.05  # on each side


@dataclass(frozen=True)
class Estimate:
    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Raises statistics.StatisticsError for no values."""
        chance = random.Random(1)
        medians = (
            sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(_DRAWS))
            if values
            else []
        )
        return cls(
            statistics.median(values),
            medians[int(_OUTSIDE * _DRAWS)],
            medians[int((1 - _OUTSIDE) * _DRAWS) - 1],
            len(values),
        )


def ratios(ours: Mapping[int, float], others: Mapping[int, float]) -> list[float]:
    """By round, of the rounds that both have."""
    return [ours[round_] / others[round_] for round_ in sorted(ours) if others.get(round_)]


def differences(ours: Mapping[int, float], others: Mapping[int, float]) -> list[float]:
    return [ours[round_] - others[round_] for round_ in sorted(ours) if round_ in others]


def shown(value: float) -> str:
    """Three digits, as far as that makes sense."""
    for least, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= least:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"
