"""A client and a target: who ends first, what is still delivered, and why it ended.

Upstream runs in the greenlet that calls `run`, downstream in one of its own.
Each end of the session is decided where it is read:

The target ends (FIN).  All that it said has been written to the client by
then, for the pump reads no further before it has.  Close 1000 follows.  The
target may still be reading, so the client's bytes are delivered on until the
client's Close.

The target breaks off.  Where a write to it fails, downstream reads on: what
the target sent before it broke is still there to be read and goes to the
client.  Only then comes Close 1011, and never 1000: the stream was cut.

The target says what the session cannot carry: under `--text`, bytes that
are no text.  What came in front of them has been written to the client.
Close 1011 follows, and the rest is as if the target had ended.

The client ends: by a Close, a fault of its own, an end of its stream.  Its
end has answered already.  Downstream carries nothing more and only drains
the target, so that the target can go on reading.  What the client sent is
written to the target, then FIN.  The target is drained until it ends too:
a socket closed with bytes unread resets, and a reset would overtake those
that are still on their way to the target.

Somebody calls `stop`.  As if the target had ended, with another Close.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from gevent import Greenlet

from ..errors import ClientGone, ProtocolError, ProxyError, TargetError, TargetNotText, TargetReset
from ..net.clock import monotonic
from ..observer import SessionInfo
from .client import ClientEnd
from .conversation import Conversation
from .ending import FAULT, TARGET_CLOSED, TARGET_RESET, TARGET_STALLED, Ending, Patience
from .ends import TargetEnd
from .heartbeat import Standstill
from .pump import discard, pump
from .shortcut import take_shortcuts

__all__ = ["Patience", "Relay"]

logger = logging.getLogger(__name__)

# For the target of a client that was lost, to take what came from it: there is
# nobody left for whom it could go on.  Seconds.
AFTER_A_LOSS = 0.5


class Relay(Conversation):
    """One proxied session.  Run it once."""

    def __init__(
        self,
        info: SessionInfo,
        client: ClientEnd,
        target: TargetEnd,
        *,
        patience: Patience = Patience(),  # noqa: B008  # frozen
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(info, client, patience=patience, clock=clock)
        self._target = target
        self._target_stuck = Standstill()
        take_shortcuts(client, target, self._watch, self._upstream, self._downstream)
        past = self._downstream.shortcut
        self._downstream_way: Greenlet[..., None] = (
            Greenlet(past.run_first, self._run_downstream)
            if past
            else Greenlet(self._run_downstream, None)
        )

    def _converse(self) -> None:
        self._downstream_way.start()
        with suppress(ClientGone, ProtocolError):  # kept by the client's end
            self._run_upstream()
        self._leave_target()
        self._client.leave(self._patience)

    def _close_target(self) -> None:
        self._target.abort()
        # Its streams are closed, so it is about to end anyway; whoever is
        # told of the session's end must not hear of payload after it.
        self._downstream_way.kill()

    def _enforce_taking(self, now: float, seconds: float) -> None:
        super()._enforce_taking(now, seconds)
        target = self._target
        if self._target_stuck.seconds(now, target.writes, waiting=target.stuck) >= seconds:
            self._end(TARGET_STALLED)
            target.abort()

    # -- Upstream --------------------------------------------------------------------

    def _run_upstream(self) -> None:
        with suppress(TargetReset):  # downstream finds out how it ends
            pump(self._client, self._target, self._upstream)
        discard(self._client)

    # -- Downstream ------------------------------------------------------------------

    def _run_downstream(self, broken: ProxyError | None) -> None:
        """Carry to the end, from where the shortcut left it, `broken` perhaps."""
        try:
            self._bring(broken)
            self._end(self._targets_ending())
        except TargetReset as error:
            self._end(replace(TARGET_RESET, detail=error.detail))
        except Exception:
            logger.exception("session %s: downstream failed", self.info.id)
            self._end(FAULT)

    def _bring(self, broken: ProxyError | None) -> None:
        try:
            if broken is not None:
                raise broken
            pump(self._target, self._client, self._downstream)
        except ClientGone:
            pass  # upstream finds out, where the client is read
        except TargetNotText as error:
            self._end(_fault_of(error))
        discard(self._target)

    def _targets_ending(self) -> Ending:
        if self._target.write_broke:
            return TARGET_RESET
        complaint = self._client.complaint()
        return _fault_of(complaint) if complaint else TARGET_CLOSED

    # -- The end -----------------------------------------------------------------------

    def _leave_target(self) -> None:
        """Let the client's last bytes arrive, then close the target.  May switch."""
        self._target.finish()
        # While downstream still writes its last frame to the client it
        # cannot drain the target.  The alarm of `_closing` bounds this.
        self._client.settle()
        lost = isinstance(self._client.error, ClientGone)
        self._arm(AFTER_A_LOSS if lost else self._patience.linger, self._target.abort)
        self._drain_target()
        self._disarm()
        self._target.abort()

    def _drain_target(self) -> None:
        """Wait for downstream to end, as long as each wait sees something come."""
        seen = -1
        while not self._downstream_way.ready() and self._target.reads != seen:
            seen = self._target.reads
            self._downstream_way.join(self._patience.linger_read)

    def _client_is_late(self) -> None:
        """Give up the client; then the target, if that is what keeps us from ending.

        A client that has ended waits for nothing, but its last bytes may wait
        for the target.
        """
        super()._client_is_late()
        if self._timed_out:
            self._target.abort()
        else:
            self._arm(self._patience.flush, self._target.abort)


def _fault_of(error: TargetError) -> Ending:
    """The target's fault, as the error tells it."""
    return Ending("target", error.slug, error.close_code, error.reason, error.detail)
