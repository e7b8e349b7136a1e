"""Which protocol is this?  The first byte of a connection decides.

One byte is enough.  It is read with whatever came behind it, and handed on
with that: TLS, HTTP and the policy's reader must see it again.
"""

from __future__ import annotations

import enum
import string


class Opening(enum.Enum):
    """What a connection's first byte says about the rest."""

    TLS = "tls"
    POLICY = "policy"
    HTTP = "http"
    UNKNOWN = "unknown"


# 0x16 is a TLS handshake record (RFC 8446, section 5.1), 0x80 the hello of
# SSL 2 clients, which OpenSSL shall refuse in its own words.  "<" begins the
# Flash policy request.  Methods are registered in capitals (RFC 9110, 16.1).
_OPENINGS = {
    0x16: Opening.TLS,
    0x80: Opening.TLS,
    0x3C: Opening.POLICY,
    **{ord(letter): Opening.HTTP for letter in string.ascii_uppercase},
}


def opening_of(first: int) -> Opening:
    """What the byte `first` (0 to 255) opens; anything odd is UNKNOWN."""
    return _OPENINGS.get(first, Opening.UNKNOWN)
