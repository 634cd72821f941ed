"""OAuth: how an org gives us access tokens.

All threads share one token; whoever meets a 401 first fetches a new one, the others
wait for it. A refused grant is not tried again: more attempts may lock the user out. A
token is never part of an error or a log line. Why a log-in is refused is told in the
org's own words (``error_description``), without what we sent; a setting is called wrong
only where ``error`` says so (OAuth 2.0, RFC 6749, section 5.2).
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    LogInRefused,
    MissingSetting,
    RateLimited,
    SettingRejected,
)
from connectors.hosts import checked_address, is_loopback
from connectors.masking import mask_pieces
from connectors.salesforce.problems import SOURCE
from connectors.token_file import TokenFile

ASSERTION_SECONDS = 180
"""How long a signed log-in may be used; Salesforce accepts up to five minutes."""
SKEW_SECONDS = 120
"""Clocks that differ more make a signed log-in invalid."""
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FRUITLESS = 3
"""Tokens in a row that are not let in before we stop asking for more."""
PRODUCTION_LOGIN = "https://login.salesforce.com"
SANDBOX_LOGIN = "https://test.salesforce.com"
UNNAMED = "no reason given"
REASON_LENGTH = 300
PUBLIC = frozenset({"grant_type", "client_id"})
"""Parts of a log-in that are no secrets (RFC 6749, section 2.2)."""
BUSY = frozenset({"rate_limit_exceeded", "REQUEST_LIMIT_EXCEEDED"})
"""Errors that go away by themselves."""

_CODE = re.compile(r"[A-Za-z_]{1,60}")
_ORG_AND_USER = re.compile(r"/(00D\w{12,15})/(005\w{12,15})$")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the token address said."""

    status: int
    data: Mapping[str, Any]
    server_time: datetime | None


Exchange = Callable[[Mapping[str, str]], Answer]
"""Posts the form to the token address; raises ``Unreachable`` without an answer, and
``NoTokenAddress`` where it is none that gives tokens."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """An access token, and who we are with it where the log-in told."""

    value: str = field(repr=False)
    org_id: str | None = None
    user_id: str | None = None


class Grant:
    """One way to get a token, with the settings that it uses.

    ``form`` is what is posted; ``blame`` names the setting to mend for those OAuth
    errors that are about one.
    """

    def __init__(self, form: Mapping[str, str], blame: Mapping[str, str]) -> None:
        self._form = dict(form)
        self._blame = blame
        self._sent: set[str] = set()
        """Secrets that left: the org may quote them."""

    def fetch(self, exchange: Exchange) -> Token:
        """Ask for a token.

        Raises:
            SettingRejected: the grant is refused; names the setting to mend.
            LogInRefused: it is refused for another reason.
            RateLimited: too many log-ins; later there may be one.
            NoTokenAddress: nobody gives tokens there.
            Unreachable: no answer.
        """
        return self._token(self._ask(exchange, self._form))

    def _ask(self, exchange: Exchange, form: Mapping[str, str]) -> Answer:
        self._sent |= {form[name] for name in form.keys() - PUBLIC}
        return exchange(form)

    def _token(self, answer: Answer) -> Token:
        value = answer.data.get("access_token")
        if not isinstance(value, str) or not value:
            raise self._rejected(answer.data)
        found = _ORG_AND_USER.search(str(answer.data.get("id") or ""))
        return Token(
            value=value,
            org_id=found[1] if found else None,
            user_id=found[2] if found else None,
        )

    def _rejected(self, data: Mapping[str, Any]) -> ConnectorError:
        """Return the error that a refusal is, with the org's words."""
        said = str(data.get("error") or "")
        code = said if _CODE.fullmatch(said) else ""
        reason = str(data.get("error_description") or "")
        words = ": ".join(filter(None, (code, " ".join(reason.split()))))
        detail = mask_pieces(words, self._sent)[:REASON_LENGTH] or UNNAMED
        if code in BUSY:
            return RateLimited(source=SOURCE, object="log-in", detail=detail)
        if code in self._blame:
            setting = self._blame[code]
            return SettingRejected(source=SOURCE, setting=setting, detail=detail)
        return LogInRefused(source=SOURCE, detail=detail)


class SignedGrant(Grant):
    """JWT bearer: a log-in that we sign with the private key.

    The signature carries a time, so a clock that is wrong is refused; then the server's
    time is taken for a second and last attempt.
    """

    def __init__(
        self,
        *,
        client_id: str,
        username: str,
        key: str,
        audience: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            {}, {"invalid_client_id": "client_id", "invalid_client": "client_id"}
        )
        self._claims = {"iss": client_id, "sub": username, "aud": audience}
        self._key = key
        self._now = now

    def fetch(self, exchange: Exchange) -> Token:
        """Ask with our time, then with the server's if ours is wrong."""
        ours = self._now()
        answer = self._ask(exchange, self._signed(ours))
        theirs = answer.server_time
        if answer.status != 200 and theirs is not None:
            seconds = theirs.timestamp()
            if abs(seconds - ours) > SKEW_SECONDS:
                answer = self._ask(exchange, self._signed(seconds))
        return self._token(answer)

    def _signed(self, seconds: float) -> Mapping[str, str]:
        import jwt  # noqa: PLC0415 - cryptography is only loaded for this log-in

        claims = {**self._claims, "exp": int(seconds) + ASSERTION_SECONDS}
        try:
            signed = jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise SettingRejected(
                source=SOURCE, setting="key", detail="not a private key in PEM"
            ) from None
        return {"grant_type": JWT_GRANT, "assertion": signed}


class RefreshGrant(Grant):
    """A refresh token, which the org may replace at each use.

    The new one is kept durably before the access token that came with it is used: a
    crash in between costs a new log-in, never a loop. It is looked up at each use, for
    another process may have replaced it.
    """

    def __init__(self, form: Mapping[str, str], store: TokenFile | None) -> None:
        """Use the token that was kept last; ``form`` has the configured one."""
        super().__init__(
            {"grant_type": "refresh_token", **form},
            {
                "invalid_client_id": "client_id",
                "invalid_client": "client_secret",
            },
        )
        self._store = store
        self._configured = form["refresh_token"]
        self._used = self._configured
        self._worthless: str | None = None

    def fetch(self, exchange: Exchange) -> Token:
        """Ask with the kept token, then with the configured one if that is another.

        Somebody who has logged in again wrote the new token into the configuration.
        """
        self._used = self._kept() or self._configured
        answer = self._ask(exchange, {**self._form, "refresh_token": self._used})
        if "access_token" not in answer.data and self._used != self._configured:
            self._worthless, self._used = self._used, self._configured
            answer = self._ask(exchange, self._form)
        return self._token(answer)

    def _kept(self) -> str | None:
        kept = self._store.read() if self._store else None
        return None if kept == self._worthless else kept

    def _token(self, answer: Answer) -> Token:
        token = super()._token(answer)
        rotated = answer.data.get("refresh_token")
        if isinstance(rotated, str) and rotated != self._used:
            self._keep(rotated)
        return token

    def _keep(self, rotated: str) -> None:
        if self._store is None:
            raise SettingRejected(
                source=SOURCE,
                setting="refresh_token",
                detail="the org rotates it and it cannot be stored",
            )
        self._store.save(rotated)


class OrgLogin:
    """The one token of all threads."""

    def __init__(self, grant: Grant | None, token: Token | None = None) -> None:
        """Log in by ``grant``, or use a fixed ``token`` that nothing can renew."""
        self._grant = grant
        self._token = token
        self._refused: ConnectorError | None = None
        self._unproved = 0
        """Tokens in a row that no call was accepted with."""
        self._lock = threading.Lock()

    @property
    def current(self) -> Token | None:
        """Return the token without fetching one."""
        return self._token

    def token(self, exchange: Exchange) -> Token:
        """Return the token; the first time, fetch one.

        Raises:
            AuthenticationFailed: there is none to be had; the grant is not used again.
        """
        with self._lock:
            return self._token or self._fetch(exchange)

    def accepted(self) -> None:
        """Remember that a call was let in: what the org gives, it honours."""
        self._unproved = 0

    def renew(self, rejected: Token, exchange: Exchange) -> Token:
        """Replace a token that was rejected, unless another thread has done so.

        The org may give the very same session again, so that its text does not tell
        which log-in a token came from.

        Raises:
            AuthenticationFailed: new tokens are not let in either.
        """
        with self._lock:
            if self._token is not None and self._token is not rejected:
                return self._token
            return self._fetch(exchange)

    def _fetch(self, exchange: Exchange) -> Token:
        if self._refused is not None:
            raise self._refused
        if self._unproved >= FRUITLESS:
            # The last token stays: it may be one call that no token lets in.
            raise AuthenticationFailed(
                source=SOURCE, detail="the org gives tokens and refuses them"
            )
        if self._grant is None:
            self._token = None
            self._refused = SettingRejected(
                source=SOURCE, setting="token", detail="expired or revoked"
            )
            raise self._refused
        try:
            self._token = self._grant.fetch(exchange)
        except (AuthenticationFailed, RateLimited) as error:
            self._token, self._refused = None, error
            raise
        self._unproved += 1
        return self._token


def needed_setting(settings: Mapping[str, object], name: str) -> str:
    """Return a setting.

    Raises:
        MissingSetting: it is empty.
    """
    value = settings.get(name)
    if not value:
        raise MissingSetting(
            source=SOURCE, setting=name, auth=str(settings.get("auth") or "")
        )
    return str(value)


def read_login(settings: Mapping[str, object], base_url: str) -> tuple[OrgLogin, str]:
    """Return the way to log in that some settings ask for, and the address for it.

    Raises:
        MissingSetting: it needs one more setting.
        ForeignAddress: ``login_url`` is neither https nor on this machine.
    """
    given = settings.get("login_url")
    own = checked_address(str(given), SOURCE) if given else ""
    auth = str(settings.get("auth") or "access_token")
    match auth:
        case "access_token":
            return OrgLogin(
                None, Token(value=needed_setting(settings, "token"))
            ), base_url
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
        "client_id": needed_setting(settings, "client_id"),
        "client_secret": needed_setting(settings, "client_secret"),
    }
    blame = {"invalid_client_id": "client_id", "invalid_client": "client_secret"}
    return Grant(form, blame)


def _refresh(settings: Mapping[str, object]) -> Grant:
    form = {
        name: needed_setting(settings, name) for name in ("client_id", "refresh_token")
    }
    if settings.get("client_secret"):
        form["client_secret"] = str(settings["client_secret"])
    folder = settings.get("token_folder")
    kept = TokenFile(folder=Path(str(folder)), source=SOURCE) if folder else None
    return RefreshGrant(form, kept)


def _signed(settings: Mapping[str, object], login_url: str) -> Grant:
    return SignedGrant(
        client_id=needed_setting(settings, "client_id"),
        username=needed_setting(settings, "username"),
        key=needed_setting(settings, "key"),
        audience=login_url,
    )


def _jwt_login(base_url: str) -> str:
    """Return the server that takes signed log-ins: production has one of its own."""
    host = urlsplit(base_url).hostname or ""
    if is_loopback(host):
        return base_url
    return SANDBOX_LOGIN if ".sandbox." in host else PRODUCTION_LOGIN
