"""gunicorn settings that suit a proxy: `gunicorn -c python:wsproxy_gevent.gunicorn_conf`.

conf/gunicorn.conf.py takes them over and says what one may want to change.
Two are sized by the environment, as hosts of the Heroku kind do it:
WEB_CONCURRENCY (processes) and PORT (with HOST, where to listen).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from .errors import UsageError
from .limits import connections_allowed
from .model import join_host_port

# A host that names a port wants us reached from outside; without one nobody asked.
ANYWHERE, HERE = "0.0.0.0", "127.0.0.1:6080"  # noqa: S104

# Hosts of the Heroku kind kill thirty seconds after they have asked; the
# arbiter needs a moment of them for itself.
LONGEST_GRACE = 20


def bind_of(environ: Mapping[str, str]) -> str:
    """`HOST:PORT` from the environment.  Raises `UsageError` for a PORT that is none."""
    port, host = environ.get("PORT", ""), environ.get("HOST", "")
    if not port:
        return HERE
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise UsageError(f"PORT: {port!r} is no port")
    return join_host_port(host or ANYWHERE, int(port))


def workers_of(environ: Mapping[str, str]) -> int:
    """How many processes WEB_CONCURRENCY asks for; one if nobody does."""
    asked = environ.get("WEB_CONCURRENCY", "") or "1"
    if not (asked.isascii() and asked.isdigit() and int(asked) > 0):
        raise UsageError(f"WEB_CONCURRENCY: {asked!r} is no number of processes")
    return int(asked)


worker_class = "wsproxy_gevent.worker.ProxyWorker"
workers = workers_of(os.environ)
bind = bind_of(os.environ)

# Of each process.  A full one leaves who comes in the kernel's queue.
worker_connections = connections_allowed()
backlog = 1024

# Sessions live long: none is ended to refresh a process, and on a stop they
# get this long, less two seconds, to end.
max_requests = 0
graceful_timeout = LONGEST_GRACE

# Seconds without a sign of life; an idle session is no reason to be silent.
timeout = 30

# Files and unix sockets are for our user alone.
umask = 0o077

# Its place would be one for all gunicorns of a user.
control_socket_disable = True

errorlog = "-"
proc_name = "wsproxy-gevent"
