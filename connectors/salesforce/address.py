"""Links in replies, followed only within the org (reliability P33)."""

from urllib.parse import urljoin, urlsplit

from connectors.errors import ForeignAddress
from connectors.salesforce.problems import SOURCE


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
