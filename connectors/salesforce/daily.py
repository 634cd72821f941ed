"""The org's allowance of calls a day, which people and other systems share."""

from connectors.errors import ConnectorError, DailyShareSpent, RateLimited
from connectors.salesforce.client import usage
from connectors.salesforce.problems import SOURCE


class DailyShare:
    """Stops us before the calls of the day are used up for people and other systems."""

    def __init__(self, share: float) -> None:
        """Let ``share`` of the day's calls be used, by whomever."""
        self._share = share
        self._stop: ConnectorError | None = None

    def heed(self, header: str | None) -> None:
        """Read ``Sforce-Limit-Info``; without it, only the org can stop us."""
        used, total = (usage(header) if header else None) or (0, 0)
        if total and used >= self._share * total:
            share = round(self._share * 100)
            self._stop = DailyShareSpent(
                source=SOURCE, used=used, total=total, share=share
            )

    def end(self) -> None:
        """Stop at once: the org said that nothing is left."""
        self._stop = RateLimited(
            source=SOURCE, detail="the daily allowance of the org is used up"
        )

    def check(self) -> None:
        """Let a call leave.

        Raises:
            RateLimited: none may leave any more.
        """
        if self._stop is not None:
            raise self._stop
