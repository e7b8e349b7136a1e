"""What some settings choose from."""

from __future__ import annotations

import enum
from typing import Final


class Mode(enum.Enum):
    """What the first word of the command line asks for."""

    PROXY = "proxy"
    DEMO = "demo"
    VNC = "vnc"


class Profile(enum.Enum):
    """Whose defaults hold: `--profile`, or the name the process was called by."""

    DEFAULT = "default"
    WEBSOCKIFY = "websockify"


DEFAULT_CERT: Final = "self.pem"

ORIGIN_RULES: Final = ("same-host", "same-origin", "strict", "any")
DIAL_ERRORS: Final = ("close", "http")
REFUSE_BY: Final = ("http", "close")

SEND_PROXY: Final = ("off", "v1", "v2")
TLS_VERSIONS: Final = ("default", "tlsv1_1", "tlsv1_2", "tlsv1_3")
WRAP_MODES: Final = ("exit", "ignore", "respawn")
