"""Merged records: what hung on the losers hangs on the winners.

Associations have no stamp (search guide), so that what hangs there has to be read anew
although it did not change.
"""

from collections.abc import Sequence
from datetime import datetime
from threading import Lock

from connectors.hubspot.catalogue import Catalogue
from connectors.hubspot.objects import MERGEABLE, MERGED
from connectors.hubspot.reading import Reader


class Merges:
    """Which records others were merged into of late, each type looked up once."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Bind a portal."""
        self._catalogue = catalogue
        self._known: dict[tuple[str, datetime], list[str]] = {}
        self._lock = Lock()

    def of(self, names: Sequence[str]) -> list[str]:
        """Choose the types that can be merged."""
        return [name for name in names if name in MERGEABLE]

    def winners(self, name: str, since: datetime) -> list[str]:
        """Name the changed records of a type that have taken others in.

        The marks of one night differ by seconds; they look from the same hour on.
        """
        hour = since.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if (name, hour) not in self._known:
                reader = Reader(self._catalogue, name, (MERGED,))
                self._known[name, hour] = [
                    str(row["id"])
                    for page in reader.changed(hour)
                    for row in page.rows
                    if row.get(MERGED)
                ]
            return self._known[name, hour]
