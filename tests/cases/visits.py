"""Origins and Hosts as browsers and others send them, each with the status of its handshake.

The proxy listens at 127.0.0.1 PORT, with `--allow-host gw.example` and
`--allow-origin https://app.example`; PORT stands for its port.  `more` are
header lines that a proxy in front would add.
"""

from __future__ import annotations

from typing import NamedTuple


class Visit(NamedTuple):
    origin: str | None
    host: str
    status: int
    more: tuple[str, ...] = ()


BEHIND = ("X-Forwarded-Host: gw.public.example", "X-Forwarded-Proto: https")

VISITS = [
    # Pages of this machine, at this port and at another.
    Visit("http://127.0.0.1:PORT", "127.0.0.1:PORT", 101),
    Visit("http://127.0.0.1:8000", "127.0.0.1:PORT", 101),
    Visit("http://127.0.0.1", "127.0.0.1:PORT", 101),
    Visit("https://127.0.0.1", "127.0.0.1:PORT", 101),
    Visit("http://localhost:PORT", "localhost:PORT", 101),
    Visit("http://LOCALHOST:PORT", "localhost.:PORT", 101),
    Visit("http://app.localhost", "app.localhost:PORT", 101),
    Visit("http://[::1]:PORT", "[::1]:PORT", 101),
    Visit("http://[0:0:0:0:0:0:0:1]", "[::1]:PORT", 101),
    # Two names of one machine are two sites.
    Visit("http://localhost:PORT", "127.0.0.1:PORT", 403),
    Visit("http://127.0.0.1:PORT", "localhost:PORT", 403),
    Visit("http://[::1]:PORT", "127.0.0.1:PORT", 403),
    # What is no browser sends no Origin.
    Visit(None, "127.0.0.1:PORT", 101),
    Visit(None, "gw.example", 101),
    Visit(None, "evil.example", 421),
    # A name that was listed, and its neighbours.
    Visit("http://gw.example", "gw.example", 101),
    Visit("https://gw.example:8443", "GW.example.:PORT", 101),
    Visit("http://sub.gw.example", "gw.example", 403),
    Visit("http://gw.example.evil.example", "gw.example", 403),
    Visit("http://gw.example", "sub.gw.example", 421),
    Visit("http://evilgw.example", "evilgw.example", 421),
    # Pages of other sites.
    Visit("http://evil.example", "127.0.0.1:PORT", 403),
    Visit("http://127.0.0.1.evil.example", "127.0.0.1:PORT", 403),
    Visit("http://127.0.0.1:PORT@evil.example", "127.0.0.1:PORT", 403),
    Visit("http://127.0.0.1:PORT/", "127.0.0.1:PORT", 403),
    Visit("http://127.0.0.1:PORT, http://evil.example", "127.0.0.1:PORT", 403),
    Visit("null", "127.0.0.1:PORT", 403),
    Visit("file://", "127.0.0.1:PORT", 403),
    Visit("", "127.0.0.1:PORT", 403),
    # Rebinding: the names agree, and are not ours.
    Visit("http://evil.example:PORT", "evil.example:PORT", 421),
    Visit("http://0.0.0.0:PORT", "0.0.0.0:PORT", 421),
    Visit("http://2130706433", "2130706433", 421),
    # The listed origin, whole.
    Visit("https://app.example", "127.0.0.1:PORT", 101),
    Visit("https://APP.example:443", "gw.example", 101),
    Visit("http://app.example", "127.0.0.1:PORT", 403),
    Visit("https://app.example:8443", "127.0.0.1:PORT", 403),
    Visit("https://sub.app.example", "127.0.0.1:PORT", 403),
    # Its host comes with it.
    Visit("https://app.example", "app.example", 101),
    # No Host, or none that is one.
    Visit("http://127.0.0.1", "", 400),
    Visit("http://127.0.0.1", "127.0.0.1:99999", 400),
    Visit("http://127.0.0.1", "user@127.0.0.1", 400),
    # Behind a proxy, which keeps the name of its own site or tells it.
    Visit("https://gw.public.example", "gw.public.example", 101, BEHIND),
    Visit("https://gw.public.example", "127.0.0.1:PORT", 101, BEHIND),
    Visit("https://evil.example", "127.0.0.1:PORT", 403, BEHIND),
    Visit("https://evil.example", "gw.public.example", 403, BEHIND),
    Visit("https://gw.public.example", "127.0.0.1:PORT", 403),
]
