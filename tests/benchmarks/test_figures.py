"""Medians, intervals and ratios, in literal numbers."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.figures import Estimate, differences, ratios, shown


def test_of_seven_rounds_the_interval_leaves_out_the_extremes() -> None:
    # The bootstrap's median is the least of seven in 1 % of the draws and the second
    # at most in 11 %, by the binomial distribution: the 5th percentile is the second.
    assert Estimate.of([7.0, 1.0, 3.0, 6.0, 2.0, 5.0, 4.0]) == Estimate(4.0, 2.0, 6.0, 7)


def test_one_outlier_moves_neither_the_median_nor_the_interval() -> None:
    assert Estimate.of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7000.0]) == Estimate(4.0, 2.0, 6.0, 7)


def test_equal_values_have_an_interval_of_nothing() -> None:
    assert Estimate.of([0.5, 0.5, 0.5]) == Estimate(0.5, 0.5, 0.5, 3)


def test_the_same_values_give_the_same_interval() -> None:
    values = [0.31, 0.44, 0.29, 0.35, 0.38]
    assert Estimate.of(values) == Estimate.of(values)


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(statistics.StatisticsError):
        Estimate.of([])


def test_ratios_are_of_rounds_that_both_have() -> None:
    assert ratios({1: 3.0, 2: 8.0, 4: 5.0}, {1: 2.0, 2: 4.0, 3: 9.0}) == [1.5, 2.0]


def test_differences_too_and_nought_is_a_figure_there() -> None:
    assert differences({1: 3.0, 2: 8.0}, {1: 2.0, 2: 0.0, 3: 9.0}) == [1.0, 8.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(11234.4, "11,234"), (45.67, "45.7"), (4.567, "4.57"), (0.04567, "0.046"), (-7.8, "-7.80")],
)
def test_figures_are_shown_with_the_digits_that_mean_something(value: float, text: str) -> None:
    assert shown(value) == text
