"""The standalone proxy: found right or wrong at start, then served until it is told to stop.

A `Proxy` that could be made is bound and checked, without a hub or a thread,
so that a daemon may fork between making and serving it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from .assembly import Parts
from .config.settings import Mode, Settings
from .listening import Listening
from .logplaces import places_of
from .reload import Reread
from .sdnotify import Notifier
from .service import Service
from .telemetry.destinations import Logging, start_logging
from .telemetry.traffic import LEGEND
from .wrap import Wrapping

logger = logging.getLogger(__name__)


class Proxy:
    """Raises `StartError` or `UsageError` for all that is wrong at start.

    `reread` gives the settings anew for a reload; without it they stay, and
    a reload looks at the files that they name.  `wrapping` is the command to
    run beside it, to which the settings forward.
    """

    def __init__(
        self,
        settings: Settings,
        reread: Reread | None = None,
        wrapping: Wrapping | None = None,
    ) -> None:
        self._settings = settings
        self._wrapping = wrapping
        self._reread = reread or (lambda: settings)
        self._parts = Parts(settings)

    @property
    def listening(self) -> Listening:
        return self._parts.listening

    @property
    def start_line(self) -> str:
        """From where to where, and how."""
        return self._parts.start_line

    def serve(self, ready: Callable[[], None]) -> int:
        """Serve until stopped; returns the exit status.  May switch.

        `ready` is called once connections are accepted.
        """
        logging_to = self._start_logging()
        notifier = Notifier.from_environment(os.environ, os.getpid())
        if self._settings.traffic:
            logging_to.write_stdout(LEGEND)

        def serving() -> None:
            ready()
            self._announce(logging_to)

        try:
            return Service(self._parts, logging_to, self._reread, notifier, self._wrapping).run(
                serving
            )
        finally:
            self._parts.listening.close()
            logging_to.stop()

    def _start_logging(self) -> Logging:
        settings = self._settings
        places = places_of(settings, stderr=settings.foreground)
        return start_logging(verbose=settings.verbose, **places)

    def _announce(self, logging_to: Logging) -> None:
        logger.info("%s", self.start_line)
        url = self._parts.page_url
        if self._settings.mode is not Mode.PROXY and url:
            logging_to.write_stdout(f"open {url} in a browser; Ctrl-C stops\n")
