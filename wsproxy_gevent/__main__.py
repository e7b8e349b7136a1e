"""`python -m wsproxy_gevent` is the command `wsproxy-gevent`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
