"""HTTP messages as frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class Headers:
    """Header fields in their order; names compare without case.

    Values are text, one character per byte (ISO 8859-1), stripped of outer
    white space.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple((name.lower(), value) for name, value in fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return any(name == field_name for field_name, _ in self._fields)

    def __eq__(self, other: object) -> bool:
        """Whether the same fields stand in the same order."""
        return list(self) == list(other) if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._fields)

    def get(self, name: str) -> str | None:
        """The first value of that lower-case name, or None."""
        return next((value for field_name, value in self._fields if field_name == name), None)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Each value of that lower-case name."""
        return tuple(value for field_name, value in self._fields if field_name == name)

    def get_list(self, name: str) -> tuple[str, ...]:
        """A list field (RFC 9110, section 5.6.1) over all its lines.

        Empty elements are left out, white space around elements too.
        """
        elements = ",".join(self.get_all(name)).split(",")
        return tuple(element for raw in elements if (element := raw.strip(" \t")))


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
