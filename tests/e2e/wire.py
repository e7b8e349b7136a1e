"""A WebSocket client written on sockets, independent of the package under test.

It masks, since a client must; it speaks RFC 6455 and raw bytes for the rest.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

# RFC 6455, section 5.2.
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FINAL, MASKED = 0x80, 0x80

# RFC 6455, section 1.3: its sample key and the answer to it.
SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SAMPLE_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

SECONDS = 15


def upgrade_request(host: str, *lines: str, path: str = "/", version: str = "13") -> bytes:
    """An RFC 6455 opening with more header lines where the caller has them."""
    head = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {SAMPLE_KEY}",
        f"Sec-WebSocket-Version: {version}",
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


def masked_frame(payload: bytes, opcode: int = BINARY, mask: bytes | None = None) -> bytes:
    """One unfragmented client frame."""
    mask = os.urandom(4) if mask is None else mask
    size = len(payload)
    if size < 126:
        head = bytes([FINAL | opcode, MASKED | size])
    elif size < 65536:
        head = struct.pack("!BBH", FINAL | opcode, MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", FINAL | opcode, MASKED | 127, size)
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """RFC 6455, section 5.3, as one long number: quick without compiled help."""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return number.to_bytes(size, "big")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response head: the status, the names in lower case."""

    status: int
    headers: dict[str, str]

    @classmethod
    def parse(cls, head: bytes) -> Answer:
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        return cls(int(first.split()[1]), headers)


@dataclass
class Wire:
    """A connection with its own read buffer; every read has a deadline."""

    sock: socket.socket
    _ahead: bytearray = field(default_factory=bytearray)

    @classmethod
    def open(
        cls, port: int, *, tls: ssl.SSLContext | None = None, receive_buffer: int = 0
    ) -> Wire:
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(SECONDS)
        try:
            sock.connect(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return cls(tls.wrap_socket(sock) if tls else sock)
        except BaseException:
            sock.close()
            raise

    @classmethod
    def open_from(cls, address: str, port: int, *, tls: ssl.SSLContext | None = None) -> Wire:
        """From another address of this machine."""
        sock = socket.create_connection(("127.0.0.1", port), SECONDS, (address, 0))
        try:
            return cls(tls.wrap_socket(sock) if tls else sock)
        except BaseException:
            sock.close()
            raise

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def _more(self) -> None:
        data = self.sock.recv(262144)
        if not data:
            raise EOFError(f"the peer closed; unread: {bytes(self._ahead)!r}")
        self._ahead += data

    def _take(self, size: int) -> bytes:
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken

    def read(self, size: int) -> bytes:
        while len(self._ahead) < size:
            self._more()
        return self._take(size)

    def read_until(self, mark: bytes) -> bytes:
        """All up to the mark and with it."""
        while (at := self._ahead.find(mark)) < 0:
            self._more()
        return self._take(at + len(mark))

    def read_to_end(self) -> bytes:
        """All that comes before the peer closes; a reset counts as an end."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionResetError):
            return self._take(len(self._ahead))

    def read_answer(self) -> Answer:
        return Answer.parse(self.read_until(b"\r\n\r\n"))

    def read_frame(self) -> tuple[int, bytes]:
        """The next server frame as (opcode, payload); it must be whole and unmasked."""
        first, size = self.read(2)
        assert first & FINAL, "a server frame in pieces"
        assert not size & MASKED, "a masked server frame"
        if size == 126:
            [size] = struct.unpack("!H", self.read(2))
        elif size == 127:
            [size] = struct.unpack("!Q", self.read(8))
        return first & 0x0F, self.read(size)

    def read_payload(self, size: int) -> bytes:
        """That many bytes of data, in however many frames they come."""
        got = bytearray()
        while len(got) < size:
            opcode, payload = self.read_frame()
            assert opcode in (TEXT, BINARY), f"opcode {opcode} amid data: {payload!r}"
            got += payload
        return bytes(got)

    def read_close(self) -> tuple[int, str]:
        """The code and reason of the Close that comes next."""
        opcode, payload = self.read_frame()
        assert opcode == CLOSE, f"opcode {opcode} instead of a Close: {payload!r}"
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def upgrade(self, host: str, *lines: str) -> Answer:
        """Open an RFC 6455 session; the answer must be a right 101."""
        self.send(upgrade_request(host, *lines))
        answer = self.read_answer()
        assert answer.status == 101, answer
        assert answer.headers["sec-websocket-accept"] == SAMPLE_ACCEPT
        return answer

    def wait_until_read(self) -> None:
        """Wait until the peer, on this machine, has taken all we sent.

        What is sent after this comes to it by another read, so a stream can
        be cut at a chosen byte.
        """
        end = time.monotonic() + SECONDS
        ours, theirs = self.sock.getsockname()[1], self.sock.getpeername()[1]
        while unread(local=theirs, remote=ours):
            assert time.monotonic() < end, "the peer does not read"
            os.sched_yield()


def unread(*, local: int, remote: int) -> int:
    """Bytes that wait in the kernel for the owner of this end of a loopback connection."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            _, mine, other, _, queues, *_ = line.split()
            if mine.endswith(f":{local:04X}") and other.endswith(f":{remote:04X}"):
                return int(queues.partition(":")[2], 16)
    return 0


def any_certificate() -> ssl.SSLContext:
    """A client's TLS that takes a self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
