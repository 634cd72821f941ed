"""What an owner change or a new task sets off in HubSpot.

The owners of companies, contacts, deals and tickets are independent, but for one
setting of the portal, which the API does not tell.
"""

from collections.abc import Mapping

from connectors.effects import SideEffect

HIDDEN_PLACES = ("hubspot_workflows", "hubspot_links")
"""Where a portal may name an owner without our seeing it: workflows are shown by an API
in beta and to the scope ``automation`` only, meeting links and sequences to their
owners."""


def side_effects(settings: Mapping[str, object]) -> tuple[SideEffect, ...]:  # noqa: ARG001 - the same under all
    """List the side effects; they are the same in every portal."""
    return (
        SideEffect(code="hubspot_children_stay", of="owner", happens="no"),
        SideEffect(code="hubspot_contacts_follow", of="owner", happens="mended"),
        SideEffect(code="hubspot_team_follows", of="owner", happens="yes"),
        SideEffect(code="hubspot_automation", of="owner", happens="maybe"),
        SideEffect(code="hubspot_owner_told", of="owner", happens="maybe"),
        SideEffect(code="hubspot_assignee_told", of="task", happens="maybe"),
        SideEffect(code="hubspot_task_automation", of="task", happens="maybe"),
    )
