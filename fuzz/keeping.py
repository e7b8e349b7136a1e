"""The corpus that stays: the fewest and shortest inputs that reach what all of them reach."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "cases" / "corpus"


def folder_of(target: str) -> Path:
    return CORPUS / target


def inputs_of(target: str) -> list[Path]:
    """The kept inputs in a fixed order."""
    return sorted(folder_of(target).iterdir())


def keep(target: str, work: Path) -> int:
    """Put a minimal corpus in the place of the kept one; returns its size."""
    with tempfile.TemporaryDirectory() as scratch:
        chosen, state = Path(scratch, "chosen"), Path(scratch, "state")
        chosen.mkdir()
        found = [work / target / "corpus", work / target / "seeds", folder_of(target)]
        subprocess.run(
            [
                *(sys.executable, "-m", "fuzz.one", target, str(state)),
                "-merge=1",
                str(chosen),
                *(str(folder) for folder in found if folder.is_dir()),
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        shutil.rmtree(folder_of(target), ignore_errors=True)
        shutil.copytree(chosen, folder_of(target))
    return len(inputs_of(target))
