"""What the fault lab's tests tell of what they saw."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .lab import Measured


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """Tells a figure, which docs/faults.md then shows."""

    def tell(what: str) -> None:
        record_property("measured", what)

    return tell
