"""The ledger's words: where plans stand, what becomes of an account, what steps do.

Everybody above who asks the ledger asks with these; no other file spells them.
"""

from enum import StrEnum


class Mode(StrEnum):
    """What happens with an account."""

    MEET = "meet"
    INFORM = "inform"
    HOLD = "hold"
    EXCLUDE = "exclude"


class PlanState(StrEnum):
    """Where a plan stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    IN_PROGRESS = "in_progress"
    REPORTED = "reported"
    CLOSED = "closed"
    ENDED = "ended"
    REJECTED = "rejected"
    VOIDED = "voided"


RUNNING_STATES = frozenset(
    {PlanState.APPROVED, PlanState.IN_PROGRESS, PlanState.REPORTED}
)
"""States of a plan whose handover is under way."""
OPEN_STATES = RUNNING_STATES | {PlanState.SUBMITTED}
"""States in which a plan claims its accounts and its people's days."""
REOPENED_STATES = frozenset({PlanState.DRAFT, PlanState.REJECTED})
"""States to which a plan that was begun comes back when it is amended."""
OVER_STATES = frozenset({PlanState.CLOSED, PlanState.ENDED, PlanState.VOIDED})
"""States of a plan that nobody can change any more."""
UNTIL_OVER = frozenset(PlanState) - OVER_STATES
"""All the others."""


class Action(StrEnum):
    """What a step does; the order is that of the waves.

    Accounts go first because a child may only follow, contacts of others and teams
    after everything that can change or drop them, our own tasks last.
    """

    ACCOUNT_OWNER = "account_owner"
    CONTACT_OWNER = "contact_owner"
    OPPORTUNITY_OWNER = "opportunity_owner"
    REQUEST_OWNER = "request_owner"
    ACTIVITY_OWNER = "activity_owner"
    OWNER_FIELD = "owner_field"
    CONTACT_KEPT = "contact_kept"
    CORRECTION = "correction"
    TEAM_MEMBER = "team_member"
    CREATE_TASK = "create_task"
    CHANGE_TASK = "change_task"
    CLOSE_TASK = "close_task"


OWNER_ACTION = {
    "accounts": Action.ACCOUNT_OWNER,
    "contacts": Action.CONTACT_OWNER,
    "opportunities": Action.OPPORTUNITY_OWNER,
    "requests": Action.REQUEST_OWNER,
    "activities": Action.ACTIVITY_OWNER,
}
"""What changes the owner of a record of a canonical table."""

OWNER_CHANGES = frozenset(OWNER_ACTION.values())
"""What changes the owner of a record that moves along."""
USER_VALUED = OWNER_CHANGES | {Action.OWNER_FIELD, Action.CONTACT_KEPT}
"""What has users as its values, before and after."""
TASK_ACTIONS = (Action.CREATE_TASK, Action.CHANGE_TASK, Action.CLOSE_TASK)
"""What is done with our own tasks."""
