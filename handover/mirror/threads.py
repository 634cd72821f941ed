"""Several things at once, in threads that nobody has to wait for."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

GRACE = 2.0
"""Seconds that an interrupted run waits for those who are at a page."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int,
    stop: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Work on all items and return the results in their order.

    The first error ends it. ``stop`` then asks those who still work to come to an end,
    and they are awaited; after an interruption not for long, for a reply may be slow.
    """
    crew = _Crew(work, items)
    crew.start(min(workers, len(items)))
    try:
        return [future.result() for future in crew.futures]
    except BaseException as error:
        stop()
        crew.leave(None if isinstance(error, Exception) else GRACE)
        raise


class _Crew(Generic[Item, Result]):
    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item]) -> None:
        self.futures: list[Future[Result]] = [Future() for _ in items]
        self._work = work
        self._waiting: SimpleQueue[tuple[Future[Result], Item]] = SimpleQueue()
        for pair in zip(self.futures, items, strict=True):
            self._waiting.put(pair)

    def start(self, workers: int) -> None:
        """Begin; daemons do not keep an ending process alive."""
        for _ in range(workers):
            Thread(target=self._run, daemon=True).start()

    def leave(self, seconds: float | None) -> None:
        """Begin nothing more, and wait for what was begun."""
        wait([one for one in self.futures if not one.cancel()], timeout=seconds)

    def _run(self) -> None:
        with suppress(Empty):
            while True:
                future, item = self._waiting.get_nowait()
                if future.set_running_or_notify_cancel():
                    self._do(future, item)

    def _do(self, future: "Future[Result]", item: Item) -> None:
        try:
            future.set_result(self._work(item))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            future.set_exception(error)
