"""What the fuzzer found once, every parser is held to ever after; no fuzzer is needed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import keeping, seeds
from fuzz.targets import TARGETS, Watched

MOST_BYTES = 1 << 20


@pytest.mark.parametrize("target", TARGETS)
def test_each_kept_input_is_read_within_time_and_memory(target: str) -> None:
    watched = Watched(target)
    # What is cached on first use is not what an input costs.
    TARGETS[target](b"")
    inputs = keeping.inputs_of(target)
    for one in inputs:
        watched(one.read_bytes())
    assert len(inputs) <= watched.executions
    assert watched.slowest_seconds > 0
    assert watched.largest_heap > 0


@pytest.mark.parametrize("target", TARGETS)
def test_each_literal_case_breaks_no_word(target: str, tmp_path: Path) -> None:
    seeds.write(target, tmp_path)
    inputs = list(tmp_path.iterdir())
    assert inputs
    for one in inputs:
        TARGETS[target](one.read_bytes())


def test_each_target_has_a_corpus_and_each_corpus_a_target() -> None:
    assert {folder.name for folder in keeping.CORPUS.iterdir()} == set(TARGETS)
    assert all(keeping.inputs_of(target) for target in TARGETS)


def test_the_corpus_stays_small() -> None:
    sizes = [one.stat().st_size for target in TARGETS for one in keeping.inputs_of(target)]
    assert sum(sizes) < MOST_BYTES
