"""The only module that knows simple-salesforce.

The client supplies session, paths, quoting and the reading of usage headers. Its calls
are not used: they lose headers on a refresh, recurse on a 401, have no time-outs and
hold whole results in memory (seen in 1.12.10).
"""

from datetime import datetime
from typing import NamedTuple

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.format import quote_soql_value, soql_escapes, soql_like_escapes


class Paths(NamedTuple):
    """Where the resources of an org are."""

    data: str
    """Prefix of the REST resources of one API version, with a slash at its end."""
    login: str


def paths(base_url: str, version: str, session: requests.Session) -> Paths:
    """Work out the addresses of an org; the client itself only knows https."""
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
