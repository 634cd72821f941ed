"""The limiter and the one policy for trying again."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pace import LONGEST_BACKOFF, Limiter, retrying


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def fullest(times: Sequence[float], seconds: float) -> int:
    """Count the calls in the fullest window; it is half open."""
    ordered = sorted(times)
    return max(sum(t <= u < t + seconds for u in ordered) for t in ordered)


gaps = st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60)


@given(calls=st.integers(1, 7), seconds=st.floats(0.1, 10), idle=gaps)
def test_no_window_ever_holds_more_calls_than_allowed(
    calls: int, seconds: float, idle: list[float]
) -> None:
    clock = Clock()
    limiter = Limiter(calls=calls, seconds=seconds, clock=clock, sleep=clock.sleep)
    times = []
    for gap in idle:
        clock.now += gap
        limiter.wait()
        times.append(clock.now)
    # A hair less than the window: sums of floats are not exact.
    assert fullest(times, seconds * (1 - 1e-9)) <= calls


@given(idle=gaps)
def test_the_burst_and_the_second_hold_together(idle: list[float]) -> None:
    clock = Clock()
    burst = Limiter(calls=9, seconds=10, clock=clock, sleep=clock.sleep)
    limiter = Limiter(calls=2, within=burst, clock=clock, sleep=clock.sleep)
    times = []
    for gap in idle:
        clock.now += gap / 10
        limiter.wait()
        times.append(clock.now)
    assert fullest(times, 10 - 1e-6) <= 9
    assert fullest(times, 1 - 1e-6) <= 2


@given(pauses=st.lists(st.floats(0, 90), min_size=1, max_size=5))
def test_nobody_calls_while_the_crm_wants_quiet(pauses: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(calls=100, clock=clock, sleep=clock.sleep)
    begun = clock.now
    for pause in pauses:
        limiter.pause(pause)
    limiter.wait()
    assert clock.now == begun + max(pauses)


def test_a_free_limiter_does_not_sleep() -> None:
    clock = Clock()
    limiter = Limiter(calls=3, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        limiter.wait()
    assert clock.slept == []


def test_a_pause_reaches_those_who_are_waiting_already() -> None:
    clock = Clock()
    begun = clock.now

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 1:
            limiter.pause(30)

    limiter = Limiter(calls=1, seconds=5, clock=clock, sleep=sleep)
    limiter.wait()
    limiter.wait()
    assert clock.now == begun + 35


@pytest.mark.parametrize(("calls", "seconds"), [(0, 1.0), (1, 0.0)])
def test_a_limiter_that_lets_nothing_through_is_refused(
    calls: int, seconds: float
) -> None:
    with pytest.raises(ValueError, match="let calls through"):
        Limiter(calls=calls, seconds=seconds)


def test_eight_threads_keep_to_one_limit() -> None:
    admitted: list[float] = []
    here = threading.local()

    def clock() -> float:
        here.now = time.monotonic()
        return float(here.now)

    limiter = Limiter(calls=5, seconds=0.05, clock=clock)

    def work(_n: int) -> None:
        for _ in range(5):
            limiter.wait()
            admitted.append(here.now)  # the limiter's last look at the clock

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(admitted) == 40
    assert fullest(admitted, 0.05 - 1e-6) <= 5


class Busy(Exception):
    """An error that goes away, after so many seconds."""

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__()
        self.seconds = seconds


def failing(times: int, error: Exception) -> Callable[[], int]:
    calls = 0

    def call() -> int:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise error
        return calls

    return call


def attempt(call: Callable[[], int], clock: Clock, attempts: int = 5) -> int:
    limiter = Limiter(calls=1000, clock=clock, sleep=clock.sleep)
    policy = retrying(
        limiter,
        lambda error: isinstance(error, Busy),
        attempts=attempts,
        retry_after=lambda error: error.seconds if isinstance(error, Busy) else None,
        sleep=clock.sleep,
    )
    return policy(call)


def test_what_goes_away_is_tried_again() -> None:
    assert attempt(failing(4, Busy()), Clock()) == 5


def test_the_last_error_comes_out_as_it_is() -> None:
    with pytest.raises(Busy):
        attempt(failing(5, Busy()), Clock())


def test_what_does_not_go_away_is_not_tried_again() -> None:
    clock = Clock()
    with pytest.raises(KeyError):
        attempt(failing(1, KeyError("id")), clock)
    assert clock.slept == []


def test_the_back_off_has_an_upper_limit() -> None:
    clock = Clock()
    attempt(failing(19, Busy()), clock, attempts=20)
    assert 0 <= min(clock.slept) <= max(clock.slept) <= LONGEST_BACKOFF
    assert len(set(clock.slept)) > 1


def test_the_time_the_crm_asks_for_is_kept() -> None:
    clock = Clock()
    begun = clock.now
    attempt(failing(1, Busy(120)), clock)
    assert clock.now >= begun + 120


def test_calls_of_others_take_their_share_until_the_window_is_over() -> None:
    now = [0.0]
    limiter = Limiter(
        calls=10,
        seconds=10.0,
        clock=lambda: now[0],
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )
    limiter.wait()
    limiter.leave_at_most(9)  # nobody else was there
    limiter.leave_at_most(2)
    left = []
    for _ in range(4):
        limiter.wait()
        left.append(now[0])
    assert left == [0.0, 0.0, 10.0, 10.0]


def test_calls_of_a_smaller_family_count_for_the_larger_one() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    all_calls = Limiter(calls=3, seconds=10.0, clock=lambda: now[0], sleep=sleep)
    few = Limiter(
        calls=2, seconds=1.0, within=all_calls, clock=lambda: now[0], sleep=sleep
    )
    left = []
    for limiter in (few, few, few, all_calls):
        limiter.wait()
        left.append(now[0])
    assert left == [0.0, 0.0, 1.0, 10.0]
    all_calls.pause(5.0)
    few.wait()
    assert now[0] == 15.0
