"""Every setting, declared once; frozen when the process starts.

A field's type is what the rest of the house sees, its declaration is what
the command line, the environment, the file, the help and the documents are
made from.  Paths are absolute by the time they stand here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from .choices import DEFAULT_CERT
from .choices import Mode as Mode
from .choices import Profile as Profile
from .declare import Declaration, declarations
from .topics.access import AccessSettings
from .topics.admin import AdminSettings
from .topics.crowds import CrowdsSettings
from .topics.life import LifeSettings
from .topics.log import LogSettings
from .topics.login import LoginSettings
from .topics.process import ProcessSettings
from .topics.proxies import ProxiesSettings
from .topics.reaching import ReachingSettings
from .topics.speaking import SpeakingSettings
from .topics.times import TimesSettings
from .topics.tls import TlsSettings
from .topics.tokens import TokenSettings
from .topics.web import WebSettings
from .topics.websockify import WebsockifySettings
from .topics.where import WhereSettings
from .topics.wrap import WrapSettings


@dataclass(frozen=True, kw_only=True)
class Settings(
    CrowdsSettings,
    TimesSettings,
    SpeakingSettings,
    ProxiesSettings,
    LoginSettings,
    AccessSettings,
    TlsSettings,
    WebSettings,
    LogSettings,
    AdminSettings,
    LifeSettings,
    WebsockifySettings,
    ProcessSettings,
    TokenSettings,
    ReachingSettings,
    WrapSettings,
    WhereSettings,
):
    """What the process shall do.

    `source_named` is False where a word chose the port, which may then be
    another if that one is taken.  `cert_given` says that someone asked for
    the certificate, which then must exist.  `sockets_given` is how many
    listening sockets whoever started us has passed on.  `command` is what
    stands behind `--`: it runs beside us, and listens where we forward to.
    """

    mode: Mode = Mode.PROXY
    source_named: bool = True
    cert_given: bool = False
    sockets_given: int = 0
    command: tuple[str, ...] = ()

    @property
    def listens_elsewhere(self) -> bool:
        """Whether something else than `source` says where to listen."""
        return bool(self.unix_listen or self.inetd or self.sockets_given)

    @property
    def lenient(self) -> bool:
        """The `websockify` profile: what is refused by default only warns here."""
        return self.profile == Profile.WEBSOCKIFY.value

    @property
    def listing(self) -> bool:
        """Whether directories without an index are listed."""
        return self.web_index and not self.file_only

    @property
    def cert_named(self) -> bool:
        """Whether someone named the certificate; our own default may be missing."""
        return self.cert_given or os.path.basename(self.cert) != DEFAULT_CERT


DECLARATIONS: Final[dict[str, Declaration]] = {one.name: one for one in declarations(Settings)}
