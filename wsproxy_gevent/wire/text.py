"""The target's bytes as text: whole characters of UTF-8 and nothing else.

A read of the target may end inside a character.  The three bytes at most
that have come of it wait for the next read, so that each text is whole by
itself (RFC 6455, section 5.6).
"""

from __future__ import annotations

from codecs import utf_8_decode

from ..errors import TargetNotText
from ..model import Buffer


class TextEncoder:
    """Hands text on; at the first byte that is none it stops, and says why."""

    __slots__ = ("_begun", "_fault", "_sent")

    def __init__(self) -> None:
        self._begun = b""
        self._sent = 0
        self._fault: TargetNotText | None = None

    def whole(self, payload: Buffer) -> Buffer:
        """What is text of the bytes so far and has not been given before."""
        if self._fault is not None:
            return b""
        text = self._begun + payload if self._begun else payload
        good = self._measure(text)
        self._sent += good
        self._begun = b"" if self._fault else bytes(text[good:])
        return text[:good]

    def piece(self, payload: Buffer, *, final: bool) -> Buffer:
        """A character that a final piece leaves open opens the next message."""
        return self.whole(payload)

    def complaint(self, *, ended: bool) -> TargetNotText | None:
        if self._fault is None and ended and self._begun:
            return _not_text(self._sent, self._begun, "the end comes inside a character")
        return self._fault

    def _measure(self, text: Buffer) -> int:
        """How many bytes are whole characters."""
        try:
            return utf_8_decode(text, "strict", False)[1]
        except UnicodeDecodeError as error:
            good = error.start
            self._fault = _not_text(self._sent + good, text[good : good + 4], error.reason)
            return good


def _not_text(at: int, found: Buffer, why: str) -> TargetNotText:
    """The fault that begins `at` bytes into what the target sent."""
    return TargetNotText(
        "the target sent bytes that are not UTF-8, and --text is set here",
        detail=f"at byte {at} of the target's: {bytes(found).hex(' ')} ({why})",
    )
