"""The stacks of greenlets, kept where the compiled engine is in use."""

from __future__ import annotations

from .. import engine

if engine.COMPILED:
    from ._stacks import keep, let_go
else:

    def keep() -> None:
        """Python alone cannot."""

    def let_go() -> None:
        """Nothing was kept."""


__all__ = ["keep", "let_go"]
