"""Where we may send anything (reliability P33)."""

import ipaddress
from urllib.parse import urljoin, urlsplit

from connectors.errors import ForeignAddress
from connectors.salesforce.problems import SOURCE


def checked_address(url: str) -> str:
    """Refuse plain http to any machine but this one."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if (parts.scheme == "https" and parts.hostname) or local:
        return url.rstrip("/")
    raise ForeignAddress(source=SOURCE, detail=url)


def within(base_url: str, link: str) -> str:
    """Resolve a link of a reply; refuse one that leads to another server.

    Raises:
        ForeignAddress: scheme, host or port differ; nothing is sent there.
    """
    url = urljoin(base_url + "/", link)
    if _server(url) != _server(base_url):
        raise ForeignAddress(source=SOURCE, detail=urlsplit(url).netloc)
    return url


def _server(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
