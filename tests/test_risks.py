"""What an operator is told of, though it is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.risks import risks

LOCAL = Settings(source="127.0.0.1:6080", target="localhost:5900", cert="none")


@pytest.fixture(autouse=True)
def _not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)


def told(secure: bool = False, **changes: object) -> str:
    settings = {"source": "127.0.0.1:6080", "target": "x:1", "cert": "none", **changes}
    return "\n".join(risks(Settings(**settings), secure=secure))  # type: ignore[arg-type]


def test_a_port_of_this_machine_alone_has_none() -> None:
    assert told() == told(source="[::1]:1") == told(source="localhost:1") == ""
    assert told(secure=True, source="6080", ssl_only=True) == ""


ALLOWED: list[tuple[dict[str, object], str]] = [
    ({"source": "6080"}, "other machines connect without TLS"),
    ({"source": "6080", "secure": True}, "plain connections are served beside TLS"),
    (
        {"verify_client": True, "secure": True, "profile": "websockify"},
        "plain connections need no client certificate",
    ),
    ({"ssl_version": "tlsv1_1"}, "clients may choose TLS 1.1"),
    ({"origin_check": "any"}, "pages of any site"),
    ({"profile": "websockify"}, "only warn"),
    ({"web": "/srv", "web_index": True}, "directories of /srv are listed"),
    ({"unix_listen": "/run/x", "unix_listen_mode": 0o666}, "may connect to /run/x"),
    ({"admin": "0.0.0.0:6081"}, "the token goes to 0.0.0.0:6081 in plain"),
    ({"trusted_proxies": ("0.0.0.0/0",)}, "X-Forwarded"),
]


@pytest.mark.parametrize(("changes", "risk"), ALLOWED)
def test_what_is_allowed_is_told(changes: dict[str, object], risk: str) -> None:
    assert risk in told(**changes)  # type: ignore[arg-type]


def test_an_admin_listener_of_this_machine_alone_has_none(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sesame")
    token.chmod(0o600)
    assert told(admin="unix:/run/a:b/admin.sock") == ""
    assert told(admin="127.0.0.1:6081", admin_token=f"file:{token}") == ""
    token.chmod(0o644)
    assert "may read the token" in told(admin="[::1]:6081", admin_token=f"file:{token}")


def test_root_is_told_unless_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "running as root" in told()
    assert told(user="nobody") == ""


def test_a_key_that_is_served_or_open_to_all_is_told(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("secret")
    key.chmod(0o600)
    assert "private key" not in told(key=str(key))
    assert "the private key lies under" in told(key=str(key), web=str(tmp_path))
    key.chmod(0o644)
    assert "may read the private key" in told(key=str(key))


def test_records_that_are_served_or_open_to_all_are_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    record = str(tmp_path / "rec")
    assert told(record=record) == ""
    assert "records lie under" in told(record=record, web=str(tmp_path.parent))
    tmp_path.chmod(0o777)
    assert "others may write" in told(record=record)
