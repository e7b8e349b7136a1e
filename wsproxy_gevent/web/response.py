"""What the answers of files and pages have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response

from ..errors import PreconditionFailed, ProxyError, RangeRefused
from ..wire.http1 import refusal

_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)

# For what we wrote ourselves.  Files of `--web` are the user's: frames,
# inline scripts and foreign hosts may be what they live on.
SECURITY_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

# RFC 9110, section 14.2, lets a server ignore the field; several ranges, other
# units and nonsense are answered with the whole file.
_ONE_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


def refused(error: ProxyError) -> Response:
    """The answer to a request that came to nothing: constant text, never stored."""
    plain = refusal(error)
    return Response(plain.body, plain.status, list(plain.headers))


def redirect(location: str, environ: dict[str, Any], status: HTTPStatus) -> Response:
    """To a relative URL, with the query that was asked."""
    query = environ.get("QUERY_STRING")
    headers = [
        ("Location", f"{location}?{query}" if query else location),
        ("Cache-Control", "no-store"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ]
    return Response(b"it is elsewhere\n", status, headers)


def add_headers(response: Response, fields: Iterable[tuple[str, str]]) -> Response:
    """Set fields over those that the response has; the same name twice stays twice."""
    fields = tuple(fields)
    for name, _ in fields:
        response.headers.remove(name)
    for name, value in fields:
        response.headers.add(name, value)
    return response


def conditional(response: Response, environ: dict[str, Any], size: int) -> Response:
    """Heed the request's conditions and range, for a response with an ETag.

    Raises `RangeRefused` or `PreconditionFailed`; the response is closed then.
    """
    try:
        response.make_conditional(_sane(environ, size), accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable as exc:
        response.close()
        raise RangeRefused(size) from exc
    if response.status_code == HTTPStatus.PRECONDITION_FAILED:
        response.close()
        raise PreconditionFailed("the file has changed")
    return response


def _sane(environ: dict[str, Any], size: int) -> dict[str, Any]:
    """With a Range only if it is one that counts: of a GET, a single one, and forwards."""
    others = {name: value for name, value in environ.items() if name != "HTTP_RANGE"}
    match = _ONE_RANGE.fullmatch(environ.get("HTTP_RANGE", "").replace(" ", ""))
    if match is None or environ["REQUEST_METHOD"] != "GET":
        return others
    first, last, suffix = match.groups()
    if first and last and int(first) > int(last):
        return others
    # A suffix longer than the file is the file, which werkzeug takes for an error.
    return {**others, "HTTP_RANGE": f"bytes=-{min(int(suffix), size)}" if suffix else match[0]}
