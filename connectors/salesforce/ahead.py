"""Fetches one page while the one before is worked on.

Exactly one: what was fetched and not stored is read again after a crash.
"""

import threading
from collections.abc import Iterator
from queue import SimpleQueue

from connectors.base import Page

Fetched = Page | BaseException | None
"""A page, what stopped the reading, or its end."""
MORE, ENOUGH = "more", "enough"


def ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield the pages, each while the next one is on its way.

    The thread is a daemon: an interrupted run does not wait for a slow reply.
    """
    wanted: SimpleQueue[str] = SimpleQueue()
    fetched: SimpleQueue[Fetched] = SimpleQueue()
    worker = threading.Thread(
        target=_fetch, args=(pages, wanted, fetched), name="pages-ahead", daemon=True
    )
    worker.start()
    try:
        wanted.put(MORE)
        while (page := fetched.get()) is not None:
            if isinstance(page, BaseException):
                raise page
            wanted.put(MORE)
            yield page
            del page  # what was handed on is not held while we wait
    finally:
        wanted.put(ENOUGH)


def _fetch(
    pages: Iterator[Page], wanted: SimpleQueue[str], fetched: SimpleQueue[Fetched]
) -> None:
    while wanted.get() == MORE:
        try:
            fetched.put(next(pages, None))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is read
            fetched.put(error)
