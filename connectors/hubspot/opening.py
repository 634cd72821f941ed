"""From settings to a connector: log-in, limiters, portal."""

from collections.abc import Callable, Mapping

from connectors.errors import AuthenticationFailed
from connectors.hubspot.crm import HubSpotCRM
from connectors.hubspot.login import AccessToken, Login, RefreshToken
from connectors.hubspot.portal import Exchange, Family, Portal
from connectors.pace import Limiter

BURST = 190
"""Calls per ten seconds of a private app (Professional and Enterprise)."""
SEARCH = 5
"""Search calls per second and account."""


def open_portal(settings: Mapping[str, object]) -> HubSpotCRM:
    """Open a portal; nothing is sent before the first call."""
    portal = Portal(
        base_url=str(settings["base_url"]),
        login=_login(settings),
        limiters=_limiters(settings.get("rate")),
        proxy=str(settings.get("proxy") or ""),
        ca_file=str(settings.get("ca_file") or ""),
    )
    portal_id, task_key = settings.get("portal_id"), settings.get("task_key")
    return HubSpotCRM(
        portal,
        portal_id=str(portal_id) if portal_id else None,
        task_key=str(task_key) if task_key else None,
    )


def _limiters(rate: object) -> dict[Family, Limiter]:
    wanted = rate if isinstance(rate, Mapping) else {}
    return {
        "burst": Limiter(calls=int(wanted.get("burst", BURST)), seconds=10.0),
        "search": Limiter(calls=int(wanted.get("search", SEARCH)), seconds=1.0),
    }


def _login(settings: Mapping[str, object]) -> Callable[[Exchange], Login]:
    token = settings.get("token")
    if token:
        fixed = AccessToken(value=str(token))
        return lambda _exchange: fixed
    names = ("client_id", "client_secret", "refresh_token")
    grant = {name: str(settings[name]) for name in names if settings.get(name)}
    if len(grant) < len(names):
        raise AuthenticationFailed(source="hubspot", detail="no token configured")
    return lambda exchange: RefreshToken(grant, exchange)
