"""From settings to a connector: wire, log-in, limiters, portal."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import AuthenticationFailed
from connectors.hubspot.crm import HubSpotCRM
from connectors.hubspot.login import AccessToken, Login, RefreshToken
from connectors.hubspot.portal import Family, Portal
from connectors.hubspot.wire import Wire
from connectors.keeping import TokenFile
from connectors.pace import Limiter

BURST = 190
"""Calls per ten seconds of a private app (Professional and Enterprise)."""
SEARCH = 5
"""Search calls per second and account."""
BURST_SECONDS, BURST_SLACK = 10.0, 0.25
SEARCH_SECONDS, SEARCH_SLACK = 1.0, 0.1
"""HubSpot's windows, and a little that we add."""


@dataclass(frozen=True, kw_only=True)
class Time:
    """How time passes: monotonic seconds, and waiting for some of them."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def open_portal(settings: Mapping[str, object], time: Time | None = None) -> HubSpotCRM:
    """Open a portal; nothing is sent before the first call."""
    time = time or Time()
    wire = Wire(
        str(settings["base_url"]),
        proxy=str(settings.get("proxy") or ""),
        ca_file=str(settings.get("ca_file") or ""),
    )
    portal = Portal(
        wire,
        _login(settings, wire, time),
        _limiters(settings.get("rate"), time),
        sleep=time.sleep,
    )
    task_key = settings.get("task_key")
    return HubSpotCRM(portal, task_key=str(task_key) if task_key else None)


def _limiters(rate: object, time: Time) -> dict[Family, Limiter]:
    """Pace all calls, and searches among them: whether they count there is unknown."""
    wanted = rate if isinstance(rate, Mapping) else {}
    burst = Limiter(
        calls=int(wanted.get("burst", BURST)),
        seconds=BURST_SECONDS,
        slack=BURST_SLACK,
        clock=time.clock,
        sleep=time.sleep,
    )
    search = Limiter(
        calls=int(wanted.get("search", SEARCH)),
        seconds=SEARCH_SECONDS,
        slack=SEARCH_SLACK,
        within=burst,
        clock=time.clock,
        sleep=time.sleep,
    )
    return {"burst": burst, "search": search}


def _login(settings: Mapping[str, object], wire: Wire, time: Time) -> Login:
    token = settings.get("token")
    if token:
        return AccessToken(value=str(token))
    names = ("client_id", "client_secret", "refresh_token")
    grant = {name: str(settings[name]) for name in names if settings.get(name)}
    if len(grant) < len(names):
        raise AuthenticationFailed(source="hubspot", detail="no token configured")
    folder = settings.get("token_folder")
    file = TokenFile(folder=Path(str(folder)), source="hubspot") if folder else None
    return RefreshToken(grant, wire, time.clock, file)
