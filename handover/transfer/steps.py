"""The list of intended writes that a dry run prints and a run walks.

Everything here is a pure function of values: the same approval and the same facts give
the same steps in the same order (design §10).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from connectors.base import Change, Create, SetField
from handover.transfer.authority import Authority


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

_WAVES = tuple(Action)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One intended write and why it is allowed.

    ``account_id`` is the canonical account it is listed under. ``follows`` names the
    accounts whose owner has to change first. ``expects`` are further fields of the
    record that must still hold these values. ``restores`` is the record that a create
    puts back: while it exists there is nothing to do.
    """

    source: str
    account_id: str | None
    action: Action
    change: Change
    authority: Authority
    n: int = 0
    follows: tuple[str, ...] = ()
    expects: Mapping[str, str | None] = field(default_factory=dict)
    restores: str | None = None

    @property
    def record_id(self) -> str | None:
        """The CRM's id of the record, None until a create is done."""
        return self.change.id if isinstance(self.change, SetField) else self.restores

    @property
    def field(self) -> str | None:
        """The field that is set; a create has none."""
        return self.change.field if isinstance(self.change, SetField) else None

    @property
    def before(self) -> str | None:
        """The value that the record must still hold."""
        return self.change.before if isinstance(self.change, SetField) else None

    @property
    def after(self) -> str | None:
        """The value that it will hold."""
        return self.change.after if isinstance(self.change, SetField) else None

    @property
    def key(self) -> str | None:
        """Our key of a record that is created."""
        return self.change.key if isinstance(self.change, Create) else None


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Sort steps into waves, by account inside a wave, and number them from 1."""
    ordered = sorted(steps, key=_place)
    return tuple(
        replace(step, n=n, change=_beside(step.change, step.account_id))
        for n, step in enumerate(ordered, start=1)
    )


def _beside(change: Change, account_id: str | None) -> Change:
    """Tell the connector which changes hang on one account."""
    if isinstance(change, SetField):
        return replace(change, account=account_id)
    return change


def waves(steps: Iterable[Step]) -> list[Sequence[Step]]:
    """Cut an ordered list into waves: one action, object and field each.

    No record stands twice in one, which both CRMs would refuse.
    """
    return [list(wave) for _, wave in groupby(steps, key=_wave)]


def _wave(step: Step) -> tuple[int, str, str]:
    return _WAVES.index(step.action), step.change.object, step.field or ""


def _place(step: Step) -> tuple[int, str, str, str, str, str]:
    return (
        *_wave(step),
        step.account_id or "",
        step.record_id or "",
        step.key or "",
    )
