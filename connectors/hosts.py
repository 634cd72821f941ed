"""Hosts that we may send anything to, and how we introduce ourselves there."""

import ipaddress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from connectors.errors import ForeignAddress


def checked_address(url: str, source: str) -> str:
    """Refuse plain http to any machine but this one.

    Args:
        url: scheme and host of a CRM.
        source: the connector's name, for the message.

    Raises:
        ForeignAddress: a token would travel unprotected.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if (parts.scheme == "https" and parts.hostname) or local:
        return url.rstrip("/")
    raise ForeignAddress(source=source, detail=url)


def leads_to_this_machine(url: str) -> bool:
    """Return whether an address is one of this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def user_agent() -> str:
    """Return our name and version, by which an administrator can tell who calls."""
    try:
        return f"handover/{version('handover')}"
    except PackageNotFoundError:
        return "handover"  # run from a checkout that is not installed
