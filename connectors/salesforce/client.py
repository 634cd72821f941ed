"""What we take from simple-salesforce, and the share of the day's calls that is ours.

The client supplies paths, quoting and the reading of usage headers; no other module
imports it. Its calls are not used: they lose headers on a refresh, recurse on a 401,
have no time-outs and hold whole results in memory (seen in 1.12.10).
"""

from datetime import datetime
from typing import NamedTuple

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.format import quote_soql_value, soql_escapes, soql_like_escapes

from connectors.errors import ConnectorError, DailyShareSpent, RateLimited
from connectors.salesforce.problems import SOURCE

HEADER_LENGTH = 200
"""Characters of ``Sforce-Limit-Info`` that say anything of the whole org."""


class Paths(NamedTuple):
    """Where the resources of an org are."""

    data: str
    """Prefix of the REST resources of one API version, with a slash at its end."""
    login: str


def paths(base_url: str, version: str, session: requests.Session) -> Paths:
    """Return the addresses of an org; the client itself only knows https."""
    client = Salesforce(
        instance_url=base_url, session_id="", version=version, session=session
    )
    secure = f"https://{client.sf_instance}"
    data = client.base_url.removeprefix(secure)
    return Paths(data=base_url + data, login=client.oauth2_url.removeprefix(secure))


def usage(header: str) -> tuple[int, int] | None:
    """Read used and granted calls of the day from ``Sforce-Limit-Info``."""
    found = Salesforce.parse_api_usage(header).get("api-usage")
    return (found.used, found.total) if found else None


def quoted(value: str | list[str] | datetime) -> str:
    """Write a value, or several, as SOQL."""
    if isinstance(value, datetime):
        return quote_soql_value(value).replace("+00:00", "Z")
    return quote_soql_value(value)


def beginning(text: str) -> str:
    """Write a pattern for LIKE: whatever begins with this text."""
    return f"'{text.translate(soql_escapes).translate(soql_like_escapes)}%'"


class DailyShare:
    """Stops us before the calls of the day are used up for people and other systems."""

    def __init__(self, share: float) -> None:
        """Let ``share`` of the day's calls be used, by whomever."""
        self._share = share
        self._stop: ConnectorError | None = None

    def heed(self, header: str | None) -> None:
        """Read ``Sforce-Limit-Info``; without it, only the org can stop us."""
        used, total = usage((header or "")[:HEADER_LENGTH]) or (0, 0)
        if total and used >= self._share * total:
            share = round(self._share * 100)
            self._stop = DailyShareSpent(
                source=SOURCE, used=used, total=total, share=share
            )

    def end(self, why: ConnectorError | None = None) -> None:
        """Stop at once: the org said that nothing is left, or so for a long while."""
        self._stop = why or RateLimited(
            source=SOURCE, detail="the daily allowance of the org is used up"
        )

    def check(self) -> None:
        """Let a call leave.

        Raises:
            RateLimited: none may leave any more.
        """
        if self._stop is not None:
            raise self._stop
