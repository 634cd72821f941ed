"""What owner changes and tasks make happen in Salesforce besides.

An owner change through the API moves one record and drops its team; options for more
exist in SOAP and on the screen only (Help 000390190, OwnerChangeOptions).
"""

from collections.abc import Mapping

from connectors.effects import SideEffect

AUTO_ASSIGN = {"Sforce-Auto-Assign": "FALSE"}
"""Else an assignment rule may give an account or case to somebody else, and the reply
still says success."""
HIDDEN_PLACES = ("salesforce_rules", "salesforce_queues", "salesforce_flows")
"""Where an org may name a user without our seeing it: REST shows of an AssignmentRule
its name only, the entries are metadata; a GroupMember is a direct one, and reading it
needs the right to view the set-up."""
ALLOW_DUPLICATES = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
"""Alerting duplicate rules let a record pass; blocking ones do not."""


def side_effects(settings: Mapping[str, object]) -> tuple[SideEffect, ...]:
    """List what happens besides, under these settings of ``[crm.salesforce]``."""
    if settings.get("allow_duplicates"):
        passed = _header(ALLOW_DUPLICATES)
        duplicates = SideEffect(
            code="salesforce_duplicates_passed", of="owner", happens="no", by=passed
        )
    else:
        duplicates = SideEffect(
            code="salesforce_duplicates_refused", of="owner", happens="maybe"
        )
    return (
        SideEffect(code="salesforce_children_stay", of="owner", happens="no"),
        SideEffect(
            code="salesforce_team_dropped",
            of="owner",
            happens="mended",
            by="AccountTeamMember, OpportunityTeamMember",
        ),
        SideEffect(code="salesforce_shares_dropped", of="owner", happens="yes"),
        SideEffect(code="salesforce_sharing_recalculated", of="owner", happens="yes"),
        SideEffect(
            code="salesforce_assignment_rules",
            of="owner",
            happens="no",
            by=_header(AUTO_ASSIGN),
        ),
        duplicates,
        SideEffect(code="salesforce_owner_told", of="owner", happens="no"),
        SideEffect(code="salesforce_automation", of="owner", happens="maybe"),
        SideEffect(code="salesforce_assignee_told", of="task", happens="maybe"),
        SideEffect(code="salesforce_task_automation", of="task", happens="maybe"),
    )


def _header(header: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in header.items())
