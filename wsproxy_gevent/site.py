"""Which pages the settings mean."""

from __future__ import annotations

from wsgiref.types import WSGIApplication

from .config.settings import Mode, Settings
from .net.pool import NativePool
from .web.app import WebApp, parse_header
from .web.health import Health
from .web.novnc import find_novnc
from .web.pages import Pages
from .web.static import StaticFiles


def find_site(
    settings: Settings, pool: NativePool, health: Health | None = None
) -> WSGIApplication:
    """What is served to those who ask for no WebSocket.

    Raises `StartError` for a directory that is missing, `UsageError` for a
    header that is none.
    """
    return WebApp(
        static=_static(settings, pool),
        pages=_pages(settings, pool),
        health=health if settings.health else None,
        extra_headers=[parse_header(text) for text in settings.header],
    )


def _static(settings: Settings, pool: NativePool) -> StaticFiles | None:
    if settings.web is None:
        return None
    return StaticFiles(settings.web, listing=settings.listing, pool=pool)


def _pages(settings: Settings, pool: NativePool) -> Pages | None:
    if settings.mode is Mode.DEMO:
        return Pages.demo()
    if settings.mode is Mode.VNC:
        return Pages.desktop(find_novnc(settings.novnc).files(pool))
    return None
