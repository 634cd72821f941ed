"""From settings to a connector: log-in, addresses, limiter."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from connectors.errors import MissingSetting
from connectors.hosts import checked_address, is_loopback
from connectors.pace import Limiter
from connectors.salesforce.crm import SalesforceCRM
from connectors.salesforce.login import (
    Grant,
    OrgLogin,
    RefreshGrant,
    SignedGrant,
    Token,
)
from connectors.salesforce.org import Connection, Org
from connectors.salesforce.problems import SOURCE
from connectors.salesforce.settings import refuse_password
from connectors.token_file import TokenFile

CALLS_PER_SECOND = 100
"""Salesforce limits calls by the day and long ones at a time, none by the second; this
only keeps a loop of ours from becoming a storm."""
PRODUCTION_LOGIN = "https://login.salesforce.com"
SANDBOX_LOGIN = "https://test.salesforce.com"


def open_org(
    settings: Mapping[str, object],
    *,
    limiter: Limiter | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> SalesforceCRM:
    """Open an org; nothing is sent before the first call.

    Args:
        settings: as ``open_salesforce`` takes them.
        limiter: shared with other connectors to the same org, if there are any.
        sleep: sleeps between attempts.
    """
    refuse_password(settings)
    base_url = checked_address(_needed(settings, "base_url"), SOURCE)
    login, login_url = _login(settings, base_url)
    connection = Connection(
        base_url=base_url,
        login_url=login_url,
        version=str(settings.get("api_version") or "64.0").lstrip("v"),
        proxy=str(settings.get("proxy") or ""),
        ca_file=str(settings.get("ca_file") or ""),
        allow_duplicates=bool(settings.get("allow_duplicates")),
        secrets=_secrets(settings),
    )
    org = Org(
        connection,
        login,
        limiter or Limiter(calls=CALLS_PER_SECOND),
        sleep=sleep,
        daily_share=float(str(settings.get("daily_share") or 0.8)),
    )
    task_key = settings.get("task_key")
    return SalesforceCRM(org, task_key=str(task_key) if task_key else None)


def _needed(settings: Mapping[str, object], name: str) -> str:
    value = settings.get(name)
    if not value:
        raise MissingSetting(
            source=SOURCE, setting=name, auth=str(settings.get("auth") or "")
        )
    return str(value)


def _secrets(settings: Mapping[str, object]) -> tuple[str, ...]:
    names = ("client_secret", "key", "refresh_token", "token")
    return tuple(str(settings[name]) for name in names if settings.get(name))


def _login(settings: Mapping[str, object], base_url: str) -> tuple[OrgLogin, str]:
    """Choose the way to log in, and where."""
    given = settings.get("login_url")
    own = checked_address(str(given), SOURCE) if given else ""
    auth = str(settings.get("auth") or "access_token")
    match auth:
        case "access_token":
            return OrgLogin(None, Token(value=_needed(settings, "token"))), base_url
        case "client_credentials":
            return OrgLogin(_client_credentials(settings)), own or base_url
        case "refresh_token":
            return OrgLogin(_refresh(settings)), own or base_url
        case "jwt":
            login_url = own or _jwt_login(base_url)
            return OrgLogin(_signed(settings, login_url)), login_url
        case _:
            raise MissingSetting(source=SOURCE, setting="auth", auth=auth)


def _client_credentials(settings: Mapping[str, object]) -> Grant:
    form = {
        "grant_type": "client_credentials",
        "client_id": _needed(settings, "client_id"),
        "client_secret": _needed(settings, "client_secret"),
    }
    return Grant(form, {"invalid_client_id": "client_id", "": "client_secret"})


def _refresh(settings: Mapping[str, object]) -> Grant:
    form = {name: _needed(settings, name) for name in ("client_id", "refresh_token")}
    if settings.get("client_secret"):
        form["client_secret"] = str(settings["client_secret"])
    folder = settings.get("token_folder")
    kept = TokenFile(folder=Path(str(folder)), source=SOURCE) if folder else None
    return RefreshGrant(form, kept)


def _signed(settings: Mapping[str, object], login_url: str) -> Grant:
    return SignedGrant(
        client_id=_needed(settings, "client_id"),
        username=_needed(settings, "username"),
        key=_needed(settings, "key"),
        audience=login_url,
    )


def _jwt_login(base_url: str) -> str:
    """Name the server that takes signed log-ins: one for production, one for others."""
    host = urlsplit(base_url).hostname or ""
    if is_loopback(host):
        return base_url
    return SANDBOX_LOGIN if ".sandbox." in host else PRODUCTION_LOGIN
