"""HTTP messages as frozen values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field


class Headers:
    """Header fields in their order; names compare without case.

    Values are text, one character per byte (ISO 8859-1), stripped of outer
    white space.
    """

    __slots__ = ("_fields", "_first")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = [(name.lower(), value) for name, value in fields]
        # Of a repeated name the last one in wins, which is the first one sent.
        self._first = dict(reversed(self._fields))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return name in self._first

    def __eq__(self, other: object) -> bool:
        """Whether the same fields stand in the same order."""
        return list(self) == list(other) if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._fields))

    @property
    def names(self) -> Collection[str]:
        """Each name, in lower case, once."""
        return self._first.keys()

    @property
    def has_repeats(self) -> bool:
        """Whether there is more than one field of any name."""
        return len(self._first) < len(self._fields)

    def get(self, name: str) -> str | None:
        """The first value of that lower-case name, or None."""
        return self._first.get(name)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Each value of that lower-case name."""
        if name not in self._first:
            return ()
        if not self.has_repeats:
            return (self._first[name],)
        return tuple([value for field_name, value in self._fields if field_name == name])

    def get_list(self, name: str) -> tuple[str, ...]:
        """A list field (RFC 9110, section 5.6.1) over all its lines.

        Empty elements are left out, white space around elements too.
        """
        if name not in self._first:
            return ()
        elements = ",".join(self.get_all(name)).split(",")
        return tuple([element for raw in elements if (element := raw.strip(" \t"))])

    def has_option(self, name: str, option: str) -> bool:
        """Whether that lower-case option is in the list field, in any case."""
        first = self._first.get(name)
        if first is None:
            return False
        # Nearly always it is all there is.
        return first.lower() == option or option in [o.lower() for o in self.get_list(name)]


@dataclass(frozen=True, slots=True)
class Request:
    """A request head.

    `target` is the request target as sent (path and query, visible ASCII);
    `version` is "1.0" or "1.1".
    """

    method: str
    target: str
    version: str = "1.1"
    headers: Headers = field(default_factory=Headers)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response whose body is at hand."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
