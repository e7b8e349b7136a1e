"""Whom to become, and that becoming is for good."""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wsproxy_gevent.errors import StartError
from wsproxy_gevent.privileges import Account, find_account, give_file, is_root_for_good

NOBODY = pwd.getpwnam("nobody")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give anything up")


@pytest.fixture(autouse=True)
def as_if_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_nobody_named_is_nobody_to_become() -> None:
    assert find_account(None, None) is None


FOUND = [
    ("nobody", None, Account(NOBODY.pw_uid, NOBODY.pw_gid, "nobody")),
    (str(NOBODY.pw_uid), None, Account(NOBODY.pw_uid, NOBODY.pw_gid, "nobody")),
    ("nobody", "7", Account(NOBODY.pw_uid, 7, "nobody")),
    ("nobody", "root", Account(NOBODY.pw_uid, 0, "nobody")),
    ("54321", "7", Account(54321, 7, None)),
    (None, "7", Account(None, 7, None)),
]


@pytest.mark.parametrize(("user", "group", "account"), FOUND)
def test_names_and_numbers_are_found(
    user: str | None, group: str | None, account: Account
) -> None:
    assert find_account(user, group) == account


REFUSED = [
    ("no-such-user", None, "there is no user 'no-such-user'"),
    ("nobody", "no-such-group", "there is no group 'no-such-group'"),
    ("54321", None, "user 54321 is not in the system's list: name a --group"),
    ("root", None, "--user root gives nothing up"),
    ("0", None, "--user root gives nothing up"),
    ("4294967295", "7", "4294967295 is no user or group id"),
    ("nobody", "9" * 30, "is no user or group id"),
]


@pytest.mark.parametrize(("user", "group", "complaint"), REFUSED)
def test_who_cannot_be_is_told(user: str, group: str | None, complaint: str) -> None:
    with pytest.raises(StartError, match=complaint):
        find_account(user, group)


@pytest.mark.parametrize(
    ("user", "group", "option"), [("nobody", None, "--user"), (None, "54321", "--group")]
)
def test_only_root_can_become_another(
    monkeypatch: pytest.MonkeyPatch, user: str | None, group: str | None, option: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(StartError, match=f"only root .* leave {option} out"):
        find_account(user, group)


def test_who_is_that_user_already_may_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY.pw_uid)
    monkeypatch.setattr(os, "getegid", lambda: NOBODY.pw_gid)
    assert find_account("nobody", None)


@pytest.mark.parametrize(
    ("euid", "account", "for_good"),
    [
        (0, None, True),
        (0, Account(None, 7, None), True),
        (0, Account(7, 7, None), False),
        (5, None, False),
    ],
)
def test_only_a_user_ends_being_root(
    monkeypatch: pytest.MonkeyPatch, euid: int, account: Account | None, for_good: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    assert is_root_for_good(account) is for_good


# In a process of its own: what is given up here is given up for good.
BECOME = """
import json, os, sys
from wsproxy_gevent.privileges import become, find_account
become(find_account(*json.loads(sys.argv[1])))
facts = dict(line.split(":", 1) for line in open("/proc/self/status"))
try:
    os.setuid(0)
    regained = os.geteuid() == 0 and os.getuid() == 0
except PermissionError:
    regained = False
print(json.dumps({
    "uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(),
    "no_new_privs": int(facts["NoNewPrivs"]), "regained": regained,
}))
"""


def become(user: str | None, group: str | None) -> dict[str, object]:
    command = [sys.executable, "-c", BECOME, json.dumps([user, group])]
    done = subprocess.run(command, capture_output=True, timeout=20, check=True)
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


@as_root
@pytest.mark.e2e
def test_a_user_is_become_in_every_respect_and_for_good() -> None:
    assert become("nobody", None) == {
        "uids": [NOBODY.pw_uid] * 3,
        "gids": [NOBODY.pw_gid] * 3,
        "groups": [NOBODY.pw_gid],
        "no_new_privs": 1,
        "regained": False,
    }


@as_root
@pytest.mark.e2e
def test_numbers_without_names_are_become_as_well() -> None:
    facts = become("54321", "54322")
    assert (facts["uids"], facts["gids"], facts["groups"]) == ([54321] * 3, [54322] * 3, [54322])


@as_root
@pytest.mark.e2e
def test_a_group_alone_leaves_the_user() -> None:
    facts = become(None, "54322")
    assert (facts["uids"], facts["gids"], facts["groups"]) == ([0] * 3, [54322] * 3, [54322])


@as_root
def test_a_new_log_is_the_accounts_own(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    give_file(str(path), Account(54321, 54322, None))
    facts = path.stat()
    assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (54321, 54322, 0o600)


def test_an_old_log_keeps_its_owner_and_content(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("old\n")
    before = path.stat()
    give_file(str(path), Account(54321, 54322, None))
    after = path.stat()
    assert (path.read_text(), after.st_uid, after.st_mode) == (
        "old\n",
        before.st_uid,
        before.st_mode,
    )


def test_a_log_behind_a_symlink_is_not_given_away(tmp_path: Path) -> None:
    (tmp_path / "x.log").symlink_to("treasure")
    give_file(str(tmp_path / "x.log"), Account(54321, 54322, None))
    assert not (tmp_path / "treasure").exists()


def test_a_log_that_cannot_be_made_is_left_to_who_opens_it(tmp_path: Path) -> None:
    give_file(str(tmp_path / "no" / "x.log"), Account(54321, 54322, None))
    assert not (tmp_path / "no").exists()
