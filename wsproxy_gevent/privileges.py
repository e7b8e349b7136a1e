"""Becoming someone with fewer rights, once the port is bound.

Dropping is checked, not assumed: a process that can become root again has
dropped nothing.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from typing import Final

from .errors import StartError
from .prctl import forbid_new_privileges

# An id has 32 bits, and the highest one means "as it is" to the system.
_NO_ID: Final = 2**32 - 1

AS_ROOT: Final = "running as root; --user NAME gives that up once the port is bound"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom to become.

    `uid` is None where only a group was named; `name` is None for a number
    that the system has no name for, which then is in no other groups.
    """

    uid: int | None
    gid: int
    name: str | None


def find_account(user: str | None, group: str | None) -> Account | None:
    """The account that `--user` and `--group` name; None if neither does.

    Raises `StartError` for one that does not exist, or that we may not become.
    """
    if user is None and group is None:
        return None
    gid = _gid(group) if group is not None else None
    account = _with_user(user, gid) if user is not None else _group_alone(gid)
    if not _is_us(account) and os.geteuid() != 0:
        option = "--user" if user is not None else "--group"
        raise StartError(f"only root can change its user or group; leave {option} out")
    return account


def _group_alone(gid: int | None) -> Account:
    assert gid is not None  # noqa: S101  (one of the two was named)
    return Account(None, gid, None)


def _with_user(user: str, gid: int | None) -> Account:
    entry = _entry(user)
    uid = entry.pw_uid if entry else _id(user)
    if uid == 0:
        raise StartError("--user root gives nothing up; leave it out or name another user")
    if entry:
        return Account(uid, entry.pw_gid if gid is None else gid, entry.pw_name)
    if gid is None:
        raise StartError(f"user {uid} is not in the system's list: name a --group, too")
    return Account(uid, gid, None)


def _entry(user: str) -> pwd.struct_passwd | None:
    """The user's entry; None for a number without one."""
    is_number = _is_number(user)
    try:
        return pwd.getpwuid(_id(user)) if is_number else pwd.getpwnam(user)
    except KeyError as error:
        if is_number:
            return None
        raise StartError(f"there is no user {user!r}; `getent passwd` lists them") from error


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _id(text: str) -> int:
    if int(text) >= _NO_ID:
        raise StartError(f"{text} is no user or group id")
    return int(text)


def _gid(group: str) -> int:
    if _is_number(group):
        return _id(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise StartError(f"there is no group {group!r}; `getent group` lists them") from error


def _is_us(account: Account) -> bool:
    same_user = account.uid is None or account.uid == os.geteuid()
    return same_user and account.gid == os.getegid()


def become(account: Account) -> None:
    """Give up what the account does not have, for good; raises `StartError`.

    Groups go first, the user last: after that there is no right to do either.
    """
    if not _is_us(account):
        try:
            _change(account)
        except OSError as error:
            raise StartError(f"cannot become {_spelt(account)}: {error}") from error
        _verify(account)
    forbid_new_privileges()


def _change(account: Account) -> None:
    if account.name is None:
        os.setgroups([account.gid])
    else:
        os.initgroups(account.name, account.gid)
    os.setgid(account.gid)
    if account.uid is not None:
        os.setuid(account.uid)


def _verify(account: Account) -> None:
    if account.uid is None:
        return
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise StartError("could become root again after --user; refusing to serve")


def _spelt(account: Account) -> str:
    return account.name or f"user {account.uid}, group {account.gid}"


def is_root_for_good(account: Account | None) -> bool:
    """Whether the process will serve as root."""
    return os.geteuid() == 0 and (account is None or account.uid is None)


def give_file(path: str, account: Account) -> None:
    """Make the file, if there is none, so that the account may write to it.

    A log is opened after the change of user, often in a directory where only
    root may make files.  One that exists keeps its owner: it may be anybody's.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o600)
    except OSError:
        # It exists, or its opening will say in full what is wrong.
        return
    try:
        os.fchmod(file, 0o600)
        if os.geteuid() == 0:
            os.fchown(file, -1 if account.uid is None else account.uid, account.gid)
    finally:
        os.close(file)
