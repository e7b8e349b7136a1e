"""The script that runs Autobahn's suite: how it reads a report, and what it says without one."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "autobahn"


def load() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("autobahn_script", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # dataclasses look it up
    loader.exec_module(module)
    return module


script = load()


def case(behavior: str, close: str = "OK", milliseconds: int = 1) -> dict[str, str | int]:
    return {"behavior": behavior, "behaviorClose": close, "duration": milliseconds}


@pytest.mark.parametrize(
    ("behavior", "close", "verdict"),
    [
        ("OK", "OK", "OK"),
        ("OK", "INFORMATIONAL", "OK"),
        ("INFORMATIONAL", "INFORMATIONAL", "INFORMATIONAL"),
        ("NON-STRICT", "OK", "NON-STRICT"),
        ("OK", "WRONG CODE", "FAILED"),
        ("OK", "UNCLEAN", "FAILED"),
        ("FAILED", "OK", "FAILED"),
        ("something new", "OK", "FAILED"),
        ("UNIMPLEMENTED", "FAILED", "UNIMPLEMENTED"),
    ],
)
def test_a_case_is_good_only_if_it_closed_well_too(
    behavior: str, close: str, verdict: str
) -> None:
    assert script.verdict_on(case(behavior, close)) == verdict


def test_the_table_adds_up_and_what_is_not_ok_is_named() -> None:
    pings = script.add_up({"2.1": case("OK"), "2.10": case("FAILED", milliseconds=1500)})
    deflate = script.add_up(
        {"12.1.1": case("NON-STRICT", milliseconds=20), "12.1.2": case("INFORMATIONAL")}
    )
    assert (pings.odd, deflate.odd) == (["2.10 FAILED"], ["12.1.1 NON-STRICT"])
    assert script.table({"2": pings, "12": deflate}).splitlines()[2:] == [
        "| 2 | pings and pongs |  | 2 | 1 | 0 | 0 | 0 | 1 | 1.5 s (2.10) |",
        "| 12 | permessage-deflate | --compress | 2 | 0 | 1 | 1 | 0 | 0 | 0.0 s (12.1.1) |",
    ]


def test_a_reason_is_shown_beside_the_case_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "EXPLAINED", {"6.4.1": "it may"})
    assert script.explanations(["6.4.1 NON-STRICT", "6.4.2 NON-STRICT"]) == (
        "- 6.4.1 NON-STRICT: it may\n"
    )


def test_without_a_python_2_it_says_so_and_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHON2", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(script.CannotRun, match=r"no CPython 2\.7 here.* PYTHON2="):
        script.python2()


def test_what_claims_to_be_python_2_must_be_it(tmp_path: Path) -> None:
    assert not script.is_python2(sys.executable)
    assert not script.is_python2(str(tmp_path))


def test_a_short_run_leaves_out_large_messages_of_compression_alone() -> None:
    assert script.cases_of("9", short=True) == ["9.*"]
    assert script.cases_of("12", short=False) == ["12.*"]
    short = script.cases_of("13", short=True)
    assert len(short) == 7 * 8
    assert short[-1] == "13.7.8"


def test_an_unknown_section_is_an_error() -> None:
    with pytest.raises(script.CannotRun, match="no section 8"):
        script.main(["8"])


def test_the_proxy_gets_the_engine_and_no_settings_of_a_developers() -> None:
    given = ("PATH", "WSPROXY_ENGINE", "WSPROXY_TARGET")
    assert [name for name in given if script.ours(name)] == ["PATH", "WSPROXY_ENGINE"]
