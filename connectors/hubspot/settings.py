"""``[crm.hubspot]``: which portal, and a token or the three parts of an OAuth grant."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from connectors.hosts import leads_to_this_machine
from connectors.settings import Address, ConnectorSettings, Example, PinsOrg, Secret


class CallRate(BaseModel):
    """Calls per ten seconds, and searches per second."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    burst: Annotated[int, Field(ge=1)] = 190
    search: Annotated[int, Field(ge=1)] = 5


class HubSpotSettings(ConnectorSettings):
    """Which portal, how to log in there, and how fast to call."""

    log_ins: ClassVar[tuple[str, ...]] = ("token", "oauth")
    portal_id: Annotated[
        int | None,
        PinsOrg(),
        Example(
            value=12345678,
            comment="pin it: another portal is then refused",
            commented_out=True,
        ),
    ] = None
    base_url: Address = "https://api.hubapi.com"
    token: Annotated[
        str | None, Secret(), Example(value="env:HUBSPOT_TOKEN", log_ins=("token",))
    ] = None
    client_id: Annotated[
        str | None, Secret(), Example(value="env:HUBSPOT_CLIENT_ID", log_ins=("oauth",))
    ] = None
    client_secret: Annotated[
        str | None,
        Secret(),
        Example(value="env:HUBSPOT_CLIENT_SECRET", log_ins=("oauth",)),
    ] = None
    refresh_token: Annotated[
        str | None,
        Secret(),
        Example(value="env:HUBSPOT_REFRESH_TOKEN", log_ins=("oauth",)),
    ] = None
    rate: CallRate = CallRate()
    mapping: str = "hubspot"

    def is_on_this_machine(self) -> bool:
        """Return whether the portal is a test server on this machine."""
        return leads_to_this_machine(self.base_url)
