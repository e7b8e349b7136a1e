"""The command line: words, options, and what they start."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command; the value is the exit status."""
    sys.stderr.write("wsproxy-gevent: the proxy is not built yet\n")
    return 1
