"""Listings that come page by page, and lead on only as long as they bring something.

A CRM or a gateway before it may answer with a cursor that leads back, to the same page
or in a longer circle, or with ever new cursors to the same or to empty pages; whoever
follows them reads for ever.
"""

from collections.abc import Sequence

from connectors.errors import EndlessPages

EMPTY_PAGES = 2
"""Pages in a row that bring nothing and lead on: one may be what was deleted."""


class Cursors:
    """The cursors of one listing, each of which is followed once."""

    def __init__(self, source: str, listing: str, begin: str = "") -> None:
        """Begin a listing; ``begin`` is the cursor at which it is taken up again."""
        self._source = source
        self._listing = listing
        self._followed = {begin}
        self._pages: set[int] = set()
        self._empty = 0

    def leads_back(self, cursor: str) -> bool:
        """Return whether a cursor was followed before."""
        return cursor in self._followed

    def check(self, cursor: str, ids: Sequence[str] | None = None) -> str:
        """Return the cursor behind a page, if it leads on; an empty one ends.

        Args:
            cursor: where the page leads.
            ids: what the page brought; None where its entries have no ids.

        Raises:
            EndlessPages: the cursor was followed before, or the page was seen before,
                or brought nothing, like those before it.
        """
        if not cursor:
            return cursor
        if cursor in self._followed or self._brings_nothing_new(ids):
            raise EndlessPages(
                source=self._source, object=self._listing, cursor=cursor[:80]
            )
        self._followed.add(cursor)
        return cursor

    def _brings_nothing_new(self, ids: Sequence[str] | None) -> bool:
        if ids is None:
            return False
        self._empty = 0 if ids else self._empty + 1
        page = hash(tuple(ids))
        is_known = bool(ids) and page in self._pages
        self._pages.add(page)
        return is_known or self._empty > EMPTY_PAGES
