"""How fast we call a CRM, and how often we try again.

One ``Limiter`` per org and API family is shared by all threads; whoever wants to call
waits there, and a CRM that asks for quiet quietens everybody. ``retrying`` is the one
policy for calls that may be repeated. A create is never given to it: after a lost reply
it may exist already, and only looking can tell.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from threading import Lock

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

LONGEST_BACKOFF = 30.0
"""Seconds that the back-off between two attempts never exceeds by itself."""


class Limiter:
    """At most ``calls`` in any ``seconds``, for all threads together.

    ``slack`` is added to ``seconds``, as calls may bunch up on their way. ``within`` is
    the limiter of a larger family of calls that these belong to; the two share a lock.
    ``clock`` and ``sleep`` speak of seconds on one monotonic clock.
    """

    def __init__(
        self,
        *,
        calls: int,
        seconds: float = 1.0,
        slack: float = 0.0,
        within: "Limiter | None" = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._window = _Window(calls, seconds, slack)
        self._within = within
        self._clock = clock
        self._sleep = sleep
        self._quiet_until = float("-inf")
        self.lock: Lock = within.lock if within else Lock()

    def wait(self) -> None:
        """Return when the next call may leave, and count it."""
        while (delay := self._try_to_enter()) > 0:
            self._sleep(delay)

    def pause(self, seconds: float) -> None:
        """Let no call leave for the next ``seconds`` (``Retry-After``)."""
        with self.lock:
            until = self._clock() + seconds
            self._quiet_until = max(self._quiet_until, until)

    def leave_at_most(self, calls: int) -> None:
        """Let only so many more calls leave in this window: the CRM counts others, too.

        Our own count already has what we sent, so this does nothing while we are alone.
        """
        with self.lock:
            self._window.leave_at_most(calls, self._clock())

    def _try_to_enter(self) -> float:
        """Count a call if it may leave now; else return the seconds to wait."""
        with self.lock:
            now = self._clock()
            free = self.free_at(now)
            if free <= now:
                self.enter(now)
            return free - now

    def free_at(self, now: float) -> float:
        """Return when the next call may leave; the lock is held."""
        larger = self._within.free_at(now) if self._within else self._quiet_until
        return max(self._quiet_until, self._window.free_at(now), larger)

    def enter(self, now: float) -> None:
        """Count a call, in the larger family, too; the lock is held."""
        self._window.enter(now)
        if self._within:
            self._within.enter(now)


class _Window:
    """When how many calls left, by us or others, as long as they count."""

    def __init__(self, calls: int, seconds: float, slack: float) -> None:
        if calls < 1 or seconds <= 0:
            raise ValueError("a limiter has to let calls through")
        self._calls = calls
        self._seconds = seconds
        self._slack = slack
        self._left: deque[tuple[float, int]] = deque()
        self._used = 0

    def free_at(self, now: float) -> float:
        while self._left and self._end(self._left[0][0]) <= now:
            self._used -= self._left.popleft()[1]
        return (
            self._end(self._left[0][0]) if self._used >= self._calls else float("-inf")
        )

    def _end(self, at: float) -> float:
        return at + self._seconds + self._slack

    def enter(self, now: float, calls: int = 1) -> None:
        self._left.append((now, calls))
        self._used += calls

    def leave_at_most(self, calls: int, now: float) -> None:
        over = takewhile(lambda left: left[0] + self._seconds <= now, self._left)
        counting = self._used - sum(count for _, count in over)
        others = self._calls - calls - counting
        if others > 0:
            self.enter(now, others)


def retrying(
    limiter: Limiter,
    is_transient: Callable[[BaseException], bool],
    *,
    attempts: int = 5,
    within: float = math.inf,
    retry_after: Callable[[BaseException], float | None] = lambda _error: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Retrying:
    """Build the policy for calls that may be repeated: reads, and settling by reading.

    Each attempt waits at the limiter; between two of them lies a jittered time that
    grows exponentially. Where the CRM said how long to wait, all threads wait that
    long. The last error comes out as it is.

    Args:
        limiter: where every attempt waits for its turn.
        is_transient: tells whether an error may go away by itself.
        attempts: how often in all.
        within: seconds after which no further attempt begins.
        retry_after: reads from an error for how many seconds the CRM wants quiet.
        sleep: sleeps between attempts.

    Returns:
        A callable that takes the function to call, and its arguments.
    """

    def take_turn(_state: RetryCallState) -> None:
        limiter.wait()

    def heed(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None and (seconds := retry_after(error)) is not None:
            limiter.pause(seconds)

    return Retrying(
        before=take_turn,
        before_sleep=heed,
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(attempts) | stop_after_delay(within),
        wait=wait_random_exponential(multiplier=0.5, max=LONGEST_BACKOFF),
        sleep=sleep,
        reraise=True,
    )
