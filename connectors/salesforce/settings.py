"""``[crm.salesforce]``: where an org is and how to log in there."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from connectors.errors import RetiredLogin
from connectors.hosts import leads_to_this_machine
from connectors.settings import (
    Address,
    ConnectorSettings,
    Example,
    LogIn,
    PinsOrg,
    Question,
    Secret,
)

Auth = Literal["client_credentials", "jwt", "refresh_token", "access_token"]

RETIRED = frozenset({"password", "user_password", "username_password", "soap"})
"""Ways to log in that Salesforce ends, as people write them."""
PASSWORD_KEYS = ("password", "security_token")
SOAP_ENDS = "Summer '27"
"""Salesforce Help 005132110: SOAP login() is gone from API 65 on and ends for good."""


class SalesforceSettings(ConnectorSettings):
    """Which org, and the keys that its way to log in needs.

    ``daily_share``: how much of the org's daily calls may be used up, by whomever,
    before we stop. ``allow_duplicates``: records are saved in spite of duplicate rules
    that only alert. ``login_url``: where tokens come from, if not from the instance.
    """

    log_ins: ClassVar[tuple[str, ...]] = get_args(Auth)
    org_id: Annotated[
        str | None,
        PinsOrg(),
        Example(
            value="00D...",
            comment="pin it: another org is then refused",
            commented_out=True,
        ),
    ] = None
    base_url: Annotated[
        Address,
        Question(
            text="What is the org's address (My Domain)?",
            default="https://example.my.salesforce.com",
            pattern=r"https://[\w.-]+",
        ),
    ]
    auth: Annotated[Auth, LogIn()]
    client_id: Annotated[
        str | None,
        Secret(),
        Example(
            value="env:SF_CLIENT_ID",
            log_ins=("client_credentials", "jwt", "refresh_token"),
        ),
    ] = None
    client_secret: Annotated[
        str | None,
        Secret(),
        Example(
            value="env:SF_CLIENT_SECRET",
            log_ins=("client_credentials", "refresh_token"),
        ),
    ] = None
    key: Annotated[
        str | None,
        Secret(),
        Example(
            value="file:salesforce.key",
            comment="the private key, readable by you alone",
            log_ins=("jwt",),
        ),
    ] = None
    username: Annotated[
        str | None,
        Example(
            value="handover@example.com",
            comment="the integration user",
            log_ins=("jwt",),
        ),
    ] = None
    refresh_token: Annotated[
        str | None,
        Secret(),
        Example(value="env:SF_REFRESH_TOKEN", log_ins=("refresh_token",)),
    ] = None
    token: Annotated[
        str | None,
        Secret(),
        Example(value="env:SF_TOKEN", log_ins=("access_token",)),
    ] = None
    login_url: Address | None = None
    api_version: str = "64.0"
    daily_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    allow_duplicates: bool = False
    mapping: str = "salesforce"

    def is_on_this_machine(self) -> bool:
        """Return whether org and log-in are test servers on this machine."""
        addresses = (self.base_url, self.login_url or self.base_url)
        return all(map(leads_to_this_machine, addresses))

    @model_validator(mode="before")
    @classmethod
    def _is_no_password(cls, given: Any) -> Any:  # noqa: ANN401 - as the file has it
        """Explain a log-in that ends before its keys are called unknown."""
        if isinstance(given, Mapping):
            refuse_password(given)
        return given


def refuse_password(settings: Mapping[str, object]) -> None:
    """Refuse to log in by password, which soon works nowhere.

    Raises:
        RetiredLogin: ``auth`` or another key of ``[crm.salesforce]`` asks for it.
    """
    auth = str(settings.get("auth") or "")
    if auth.lower() in RETIRED or any(key in settings for key in PASSWORD_KEYS):
        raise RetiredLogin(source="salesforce", auth=auth or "password", ends=SOAP_ENDS)
