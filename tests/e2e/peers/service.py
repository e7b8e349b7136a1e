"""A service to be wrapped: says where it listens, echoes, and ends when it hears "exit N".

Its arguments are one of: port 5901, any 5901, dual 5901 (one socket for both
families), pair 5901 (one for each), env, socket /path.
"""

from __future__ import annotations

import os
import socket
import sys
import threading


def listener(how: str, where: str) -> socket.socket:
    if how == "socket":
        made = socket.socket(socket.AF_UNIX)
        made.bind(where)
        return made
    if how == "dual":
        return bound(socket.AF_INET6, "::", where)
    return bound(socket.AF_INET, "127.0.0.1" if how == "port" else "0.0.0.0", where)


def bound(family: int, host: str, port: str, *, only: bool = False) -> socket.socket:
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    made.bind((host, int(port)))
    return made


def serve(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        if data.startswith(b"exit "):
            os._exit(int(data[5:]))
        sock.sendall(data)
    sock.close()


def main(how: str, where: str) -> None:
    if how == "env":
        how, where = "port", os.environ["PORT"]
    with listener(how, where) as listening:
        listening.listen()
        if how == "pair":
            other = bound(socket.AF_INET6, "::", where, only=True)
            print(f"and at {other.getsockname()}", flush=True)
        umask = os.umask(0)
        print(f"listening at {listening.getsockname()}, {os.getcwd()} {umask:o}", flush=True)
        print(f"told {os.environ.get('COLOUR')}", file=sys.stderr, flush=True)
        while True:
            sock, _ = listening.accept()
            threading.Thread(target=serve, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
