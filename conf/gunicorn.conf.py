"""gunicorn -c conf/gunicorn.conf.py wsproxy_gevent.wsgi

What is proxied, and for whom, stands in WSPROXY_* variables (docs/options.md);
here is only what gunicorn decides.  The defaults below come with the package;
a line without its # replaces one.
"""

from wsproxy_gevent.gunicorn_conf import *  # noqa: F403

# -- Which worker ----------------------------------------------------------------------
# The whole port: Flash policy, TLS beside plain, Hixie, HyBi, RFC 6455, files.
# worker_class = "wsproxy_gevent.worker.ProxyWorker"
#
# HTTP is read by gevent.pywsgi: no Flash policy, a port is all TLS or all plain,
# and who is slow to send a request is not sent away.
# worker_class = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"

# -- Where, and how many ---------------------------------------------------------------
# PORT and HOST, else 127.0.0.1:6080; several, and unix sockets, are a list.
# bind = ["0.0.0.0:6080", "unix:/run/wsproxy/wsproxy.sock"]
#
# WEB_CONCURRENCY, else 1.  A process carries what one processor core can.
# workers = 2
#
# Each process listens by itself, and the kernel deals connections out.
# reuse_port = True
#
# Of each process; what the limit of open files allows, at most 10000.
# worker_connections = 4000

# -- Ends ------------------------------------------------------------------------------
# On SIGTERM and SIGHUP sessions are told to go (Close 1001) and cut two seconds
# before this has passed.
# graceful_timeout = 20
#
# Sessions and pages after which a process is replaced, as on SIGTERM; 0 is never.
# max_requests = 0
# max_requests_jitter = 0

# -- TLS -------------------------------------------------------------------------------
# The same as WSPROXY_CERT and WSPROXY_KEY.  ProxyWorker goes on taking plain
# clients on the same port unless WSPROXY_SSL_ONLY=1.
# certfile = "/etc/ssl/proxy.pem"
# keyfile = "/etc/ssl/proxy.key"

# -- Logs ------------------------------------------------------------------------------
# One line for each page and each session as it ends; "-" is standard output.
# accesslog = "-"
# errorlog = "/var/log/wsproxy.log"
# loglevel = "info"

# -- Rights ----------------------------------------------------------------------------
# Processes become this user once the port is bound.
# user = "wsproxy"
# group = "wsproxy"
#
# 0o007 lets the group connect to a unix socket, 0o077 our user alone.
# umask = 0o077
