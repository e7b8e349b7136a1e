"""Stand-ins that do what their protocol says, in memory, and remember it."""

from __future__ import annotations

from gevent.event import Event
from gevent.queue import Queue

from wsproxy_gevent.errors import ProxyError
from wsproxy_gevent.model import Buffer, Dialect, Direction, Peer, SessionId, Target, TcpTarget
from wsproxy_gevent.net.stream import StreamBroken
from wsproxy_gevent.observer import PayloadObserver, SessionInfo, SessionSummary


def session_info(
    session_id: str = "0000000000000000",
    *,
    target: Target = TcpTarget("127.0.0.1", 5900),  # noqa: B008  # frozen
    dialect: Dialect = Dialect.RFC_6455,
) -> SessionInfo:
    """A session that somebody at 192.0.2.1 opened."""
    return SessionInfo(
        id=SessionId(session_id),
        peer=Peer("192.0.2.1", 50000),
        target=target,
        dialect=dialect,
        subprotocol=None,
        tls=None,
        path="/",
        opened_at=1_700_000_000.0,
    )


class FakeStream:
    """A `Stream` whose other side is the test.

    What is fed is read, one piece a read.  Writes are kept; while the stream
    is `full` they wait.  A second reader or writer at once is an error.
    """

    def __init__(self, *reads: bytes) -> None:
        self._incoming: Queue[bytes | StreamBroken] = Queue()
        self._room = Event()
        self._room.set()
        self.reading = self.writing = False
        self.read_count = 0
        self.writes: list[bytes] = []
        self.finished = False
        self.aborted = False
        self.feed(*reads)

    @property
    def tls_version(self) -> str | None:
        return None

    @property
    def write_count(self) -> int:
        return len(self.writes)

    def hung_up(self) -> bool:
        return self.aborted

    # -- The test's side -------------------------------------------------------------

    def feed(self, *reads: bytes) -> None:
        for data in reads:
            self._incoming.put(data)

    def end(self) -> None:
        self._incoming.put(b"")

    def break_off(self) -> None:
        self._incoming.put(StreamBroken("connection reset by peer"))

    def fill(self) -> None:
        """Let the next write wait until `drain`."""
        self._room.clear()

    def drain(self) -> None:
        self._room.set()

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    # -- The stream's ------------------------------------------------------------------

    def read_some(self) -> bytes:
        assert not self.reading, "two greenlets read one stream"
        self.reading = True
        try:
            data = StreamBroken("aborted") if self.aborted else self._incoming.get()
        finally:
            self.reading = False
        if isinstance(data, StreamBroken):
            self.break_off()
            raise data
        self.read_count += 1
        if not data:
            self.end()
        return data

    def write_all(self, *segments: Buffer) -> bool:
        assert not self.writing, "two greenlets write one stream"
        assert not self.finished, "written after the end"
        whole = self._room.is_set()
        self.writing = True
        try:
            self._room.wait()
        finally:
            self.writing = False
        if self.aborted:
            raise StreamBroken("aborted")
        self.writes.append(b"".join(segments))
        return whole

    def finish(self) -> None:
        assert not self.writing, "finished inside a write"
        if self.aborted:
            raise StreamBroken("aborted")
        self.finished = True

    def abort(self) -> None:
        self.aborted = True
        self.break_off()
        self._room.set()


class RecordingLog:
    """A `SessionLog` that remembers."""

    def __init__(self) -> None:
        self.opened_sessions: list[SessionInfo] = []
        self.refusals: list[tuple[Peer, str, ProxyError]] = []
        self.summaries: list[SessionSummary] = []

    def opened(self, info: SessionInfo) -> None:
        self.opened_sessions.append(info)

    def refused(self, peer: Peer, stage: str, error: ProxyError) -> None:
        self.refusals.append((peer, stage, error))

    def closed(self, summary: SessionSummary) -> None:
        self.summaries.append(summary)


class RecordingObserver(PayloadObserver):
    """Remembers each call; `payload` joins what came, by direction.

    `first_seen` is set by the first payload, so that a test can wait for it.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.first_seen = Event()

    def received(self, direction: Direction, payload: Buffer) -> None:
        self.calls.append(("received", direction, bytes(payload)))
        self.first_seen.set()

    def incomplete(self, direction: Direction) -> None:
        self.calls.append(("incomplete", direction))

    def sent(self, direction: Direction, *, whole: bool) -> None:
        self.calls.append(("sent", direction, whole))

    def ended(self) -> None:
        self.calls.append(("ended",))
