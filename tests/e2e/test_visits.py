"""Each visit of `tests.cases.visits` at each of the three doors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.visits import VISITS, Visit

from .gates import DOORS, Gate, start_gate
from .programs import Programs
from .wire import SAMPLE_KEY, Wire

pytestmark = pytest.mark.e2e


def status(gate: Gate, visit: Visit) -> int:
    fields = [f"Host: {visit.host}", *visit.more]
    if visit.origin is not None:
        fields.append(f"Origin: {visit.origin}")
    fields += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines = ["GET / HTTP/1.1", *fields, f"Sec-WebSocket-Key: {SAMPLE_KEY}", "", ""]
    with Wire.open(gate.port) as wire:
        wire.send("\r\n".join(lines).replace("PORT", str(gate.port)).encode())
        return wire.read_answer().status


@pytest.mark.fault(41)
@pytest.mark.parametrize("door", DOORS)
def test_each_visit_has_its_status(programs: Programs, tmp_path: Path, door: str) -> None:
    settings = {"ALLOW_HOST": "gw.example", "ALLOW_ORIGIN": "https://app.example"}
    gate = start_gate(programs, door, "echo:", tmp_path, settings)
    wrong = [(visit, seen) for visit in VISITS if (seen := status(gate, visit)) != visit.status]
    assert wrong == []
    assert len(VISITS) >= 40
