"""What can be found wrong before a fork, and what the start line says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import session_info
from wsproxy_gevent.assembly import Parts
from wsproxy_gevent.config.settings import Mode, Settings
from wsproxy_gevent.errors import StartError, TargetForbidden, UsageError
from wsproxy_gevent.limits import connections_allowed
from wsproxy_gevent.model import Peer, TcpTarget, TlsTarget
from wsproxy_gevent.targets.spelling import parse_target
from wsproxy_gevent.telemetry.destinations import Logging
from wsproxy_gevent.wire import extensions


@contextmanager
def parts(**changes: object) -> Iterator[Parts]:
    settings = {"source": "127.0.0.1:0", "target": "localhost:5900", "cert": "none", **changes}
    made = Parts(Settings(**settings))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        for sock in made.listening.sockets:
            sock.close()


def test_the_start_line_says_from_where_to_where(tmp_path: Path) -> None:
    with parts(web=str(tmp_path), record=str(tmp_path / "rec")) as made:
        (where,) = made.listening.addresses
        line = made.start_line
    assert f": {where} -> localhost:5900 (" in line
    assert str(tmp_path) in line
    assert "recording to" in line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cert": "none"}, "(ws://)"),
        ({"cert": "/nowhere/self.pem"}, "(ws:// only: there is no self.pem)"),
        ({"cert": "auto"}, "(ws:// and wss://)"),
        ({"cert": "auto", "ssl_only": True}, "(wss://)"),
    ],
)
def test_the_start_line_says_whether_tls_is_spoken(changes: dict[str, object], said: str) -> None:
    with parts(**changes) as made:
        assert said in made.start_line


def test_the_page_is_where_a_browser_finds_it() -> None:
    with parts(mode=Mode.DEMO, target="echo:") as made:
        assert made.page_url == f"http://{made.listening.addresses[0]}/"
    with parts(mode=Mode.DEMO, target="echo:", cert="auto", ssl_only=True) as made:
        assert made.page_url == f"https://{made.listening.addresses[0]}/"


def test_more_connections_than_files_are_an_error_with_its_cure() -> None:
    with (
        pytest.raises(StartError, match="ulimit -n"),
        parts(max_connections=connections_allowed() + 1),
    ):
        pass


def test_the_dialer_asks_the_policy_which_knows_our_own_target_and_listeners() -> None:
    with parts(target="169.254.1.1:80", admin="127.0.0.1:0", admin_token="env:PATH") as made:
        admin = made.listening.admin
        assert admin is not None
        own = [f"127.0.0.1:{bound[1]}" for bound in (*made.listening.bound, *admin.bound)]
        logging_to = Logging([], None, verbose=False)
        dialer = made.context(logging_to).dialer
        logging_to.stop()
        assert len(own) == 2
        for text in own:
            target = parse_target(text)
            assert isinstance(target, TcpTarget)
            with pytest.raises(TargetForbidden):
                dialer.dial(target)
        with pytest.raises(TargetForbidden):
            dialer.dial(TcpTarget("169.254.1.1", 81))
        made.policy.admit(TcpTarget("169.254.1.1", 80))
        for sock in made.listening.admin_sockets:
            sock.close()


def test_a_balancer_is_whoever_is_trusted_if_the_protocol_is_spoken() -> None:
    for spoken in (False, True):
        with parts(proxy_protocol=spoken, trusted_proxies=("10.0.0.0/8",)) as made:
            logging_to = Logging([], None, verbose=False)
            balancers = made.context(logging_to).balancers
            logging_to.stop()
        assert (balancers is not None) == spoken
    assert balancers is not None
    trusted = ["10.1.1.1", "127.0.0.1", "::1", ""]
    assert [balancers.trusts(Peer(host)) for host in (*trusted, "192.0.2.1")] == [True] * 4 + [
        False
    ]


def test_what_is_wrong_with_a_target_over_tls_is_found_at_start() -> None:
    for changes in (
        {"target": "tls://vm:1?ca=/nowhere.pem"},
        {"target_ca": "/nowhere.pem"},
        {"target_cert": "/nowhere.pem"},
        {"target_key": "/nowhere.pem"},
    ):
        with pytest.raises(StartError, match=r"/nowhere\.pem"), parts(**changes):
            pass


def test_a_target_can_be_put_behind_tls_from_outside() -> None:
    with parts(ssl_target=True) as made:
        assert made.target == TlsTarget("localhost", 5900)
        assert made.policy.admit(TcpTarget("vm", 1)) == TlsTarget("vm", 1)
        assert "-> tls://localhost:5900 (" in made.start_line
    with parts() as made:
        assert made.policy.admit(TcpTarget("vm", 1)) == TcpTarget("vm", 1)


def test_who_is_counted_is_counted_on_after_a_reload() -> None:
    with parts(max_per_address=1) as made:
        again = Parts(made.settings, made.listening, earlier=made)
        assert again.counts is made.counts
        assert again.bites is made.bites


def test_fewer_connections_are_taken_as_they_are() -> None:
    with parts(max_connections=1) as made:
        assert made.most_connections == 1


@pytest.mark.parametrize(
    "changes",
    [{"target": "nonsense"}, {"allow_origin": ("http://",)}, {"trusted_proxies": ("300.1.1.1",)}],
)
def test_what_was_never_possible_is_a_usage_error(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError), parts(**changes):
        pass


def test_a_record_that_cannot_be_made_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(StartError), parts(record=str(tmp_path / "absent" / "rec")):
        pass


def test_compression_without_its_package_is_told_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with parts(compress=True):
        pass
    monkeypatch.setattr(extensions, "AVAILABLE", False)
    with pytest.raises(StartError, match=r"wsproxy-gevent\[compress\]"), parts(compress=True):
        pass
    with parts():
        pass


PREPARE = """
import threading, gevent
from gevent import _hub_local
from wsproxy_gevent.assembly import Parts
from wsproxy_gevent.config.settings import Settings
Parts(Settings(source="127.0.0.1:0", target="localhost:5900", cert="auto", web=".", record="rec",
    basic_auth="alice:sesame", web_auth=True, auth_url="https://127.0.0.1/", client_cert=("cn:a",)
))
print(_hub_local.get_hub_if_exists(), threading.active_count())
"""


def test_nothing_of_it_makes_a_hub_or_a_thread(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PREPARE], capture_output=True, text=True, timeout=30, cwd=tmp_path
    )
    assert (done.stdout, done.stderr) == ("None 1\n", "")


@pytest.mark.parametrize(("record", "observers"), [(None, 1), (True, 1), (False, 0)])
def test_a_login_may_keep_a_session_off_the_record(
    tmp_path: Path, record: bool | None, observers: int
) -> None:
    logging_to = Logging([], None, verbose=False)
    with parts(record=str(tmp_path / "rec")) as made:
        context = made.context(logging_to)
        seen = context.observers(replace(session_info(), record=record))
        assert len(seen) == observers
        for observer in seen:
            observer.ended()
        assert made.recorder is not None
        made.recorder.drain(1)
    logging_to.stop()


def test_pages_behind_a_login_need_one() -> None:
    with pytest.raises(UsageError, match="--web-auth needs a login"), parts(web_auth=True):
        pass
