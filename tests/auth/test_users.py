"""Files of users: what is taken, what is an error, and what proves whom."""

from __future__ import annotations

import bcrypt
import pytest
from argon2 import PasswordHasher

from wsproxy_gevent.auth.users import Secret, Users, parse_file, parse_one
from wsproxy_gevent.errors import StartError

# As cheap as the libraries let them be.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ALICES = QUICK.hash("opensesame")
BOBS = bcrypt.hashpw(b"swordfish", bcrypt.gensalt(4)).decode()
# What Apache's `htpasswd -nbB -C 4 carol secret` wrote.
CAROLS = "$2y$" + bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()[4:]

FILE = f"# people\n\nalice:{ALICES}\nbob:{BOBS}\r\n  \ncarol:{CAROLS}\nélan:{BOBS}\n"


def proved(users: Users, name: str, password: str) -> bool:
    return users.proved_by(name, password) is not None


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "opensesame"), ("bob", "swordfish"), ("carol", "secret"), ("élan", "swordfish")],
)
def test_a_password_proves_its_user_and_nobody_else(name: str, password: str) -> None:
    users = parse_file(FILE, "users")
    assert proved(users, name, password)
    assert not proved(users, name, password + "x")
    assert not proved(users, name, password[:-1])
    assert not proved(users, name, "")
    assert not proved(users, name.upper(), password)


def test_the_user_of_another_password_is_not_proved() -> None:
    assert not proved(parse_file(FILE, "users"), "bob", "opensesame")


def test_bcrypt_looks_at_72_bytes_as_everywhere() -> None:
    long = "é" * 50
    hashed = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    assert proved(parse_file(f"a:{hashed}", "users"), "a", long)


@pytest.mark.parametrize("password", ["\0", "a\0b", "\ud800", "p" * 8000])
def test_odd_passwords_are_wrong_ones(password: str) -> None:
    users = parse_file(FILE, "users")
    assert not proved(users, "alice", password)
    assert not proved(users, "bob", password)


class CountingSecret:
    """Right for nobody, and counts the tries."""

    identity = "nobody's"

    def __init__(self) -> None:
        self.tries = 0

    def is_proved_by(self, password: str) -> bool:
        self.tries += 1
        return False


def test_an_unknown_user_costs_as_much_as_a_known_one() -> None:
    secret = CountingSecret()
    secrets: dict[str, Secret] = {"alice": secret}
    users = Users(secrets)
    assert users.proved_by("mallory", "x") is None
    assert secret.tries == 1
    assert users.proved_by("alice", "x") is None
    assert secret.tries == 2


def test_an_unknown_user_is_always_as_slow() -> None:
    """Else one who is sometimes quick would be seen to be none."""
    secrets = [CountingSecret(), CountingSecret(), CountingSecret()]
    known: dict[str, Secret] = {str(number): each for number, each in enumerate(secrets)}
    users = Users(known)
    for _ in range(10):
        users.proved_by("mallory", "x")
    assert sorted(each.tries for each in secrets) == [0, 0, 10]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no user"),
        ("# nobody\n", "names no user"),
        ("alice\n", "line 1: the line is no name:hash"),
        (f":{ALICES}", "line 1"),
        ("alice:opensesame", "line 1: the line has no hash of argon2 or bcrypt"),
        ("# x\nalice:$apr1$lPOO.K1J$8bjuDzbZ7FMkUvCWzrvZ1/", "line 2: .* htpasswd -B"),
        ("alice:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "line 1"),
        ("alice:$6$salt$hash", "line 1"),
        (f"alice:{BOBS[:-1]}", "line 1"),
        (f"alice:{BOBS}\nalice:{ALICES}", "line 2: there is a second 'alice'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(StartError, match=said) as raised:
        parse_file(text, "/etc/users")
    assert "/etc/users" in str(raised.value)
    assert "opensesame" not in str(raised.value)


def test_one_user_may_have_a_password_or_a_hash() -> None:
    assert proved(parse_one("alice:open:sesame", "NAME"), "alice", "open:sesame")
    assert not proved(parse_one("alice:open:sesame", "NAME"), "alice", "open")
    assert proved(parse_one(f"alice:{ALICES}", "NAME"), "alice", "opensesame")


@pytest.mark.parametrize("text", ["", "alice", "alice:", ":sesame"])
def test_half_a_user_is_an_error_that_does_not_tell_it(text: str) -> None:
    with pytest.raises(StartError, match="the variable X holds no name:password") as raised:
        parse_one(text, "the variable X")
    assert "sesame" not in str(raised.value)


def test_a_password_is_not_shown() -> None:
    assert "sesame" not in repr(parse_one("alice:sesame", "X"))
