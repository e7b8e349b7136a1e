"""Which places for the log the settings mean."""

from __future__ import annotations

from typing import Any

from .config.settings import Profile, Settings
from .telemetry.destinations import IDENT


def places_of(settings: Settings, *, stderr: bool) -> dict[str, Any]:
    """What `start_logging` and `open_sinks` are to be called with.

    Rules for a syslog go by the name of the program, so that in websockify's
    profile it stays what it was.
    """
    return {
        "log_file": settings.log_file,
        "syslog": settings.syslog,
        "legacy_syslog": settings.legacy_syslog,
        "stderr": stderr,
        "ident": Profile.WEBSOCKIFY.value if settings.lenient else IDENT,
    }
