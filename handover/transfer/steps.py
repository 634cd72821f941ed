"""The list of intended writes that a dry run prints and a run walks.

Everything here is a pure function of values: the same approval and the same facts give
the same steps in the same order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal, assert_never

from connectors.base import Change, Create, SetField
from handover.ledger.states import Action
from handover.ledger.writes import Place
from handover.plan.approval import ApprovedPlan


@dataclass(frozen=True, kw_only=True)
class UndoOf:
    """A run may be taken back, because this person may decide so."""

    run_id: str
    plan_id: str
    person_id: str


@dataclass(frozen=True, kw_only=True)
class EndOf:
    """A plan's tasks may be closed, because this person ends it early or closes it."""

    plan_id: str
    person_id: str
    reason: str | None
    kind: Literal["end", "close"] = "end"


@dataclass(frozen=True, kw_only=True)
class ConfirmedCorrection:
    """A record may be corrected, because this person recorded that a customer said so.

    ``number`` is the answer's in the ledger.
    """

    plan_id: str
    number: int
    person_id: str


@dataclass(frozen=True, kw_only=True)
class StandingOrder:
    """Tasks for gaps may be written each night, because the policy orders it.

    ``person_id``: who answers for that, as the policy names them.
    """

    policy_hash: str
    person_id: str


@dataclass(frozen=True, kw_only=True)
class PlanAnswers:
    """Tasks may be made and closed for what a plan's customers answered."""

    plan_id: str


Authority = (
    ApprovedPlan | ConfirmedCorrection | EndOf | PlanAnswers | StandingOrder | UndoOf
)


def label(authority: Authority) -> str:
    """Return an authority as one word, for lists and the ledger."""
    match authority:
        case ApprovedPlan(plan=plan, fingerprint=fingerprint):
            return f"plan:{plan.id}@{fingerprint[:12]}"
        case ConfirmedCorrection(plan_id=plan_id, number=number):
            return f"{correction_prefix(plan_id)}{number}"
        case EndOf(plan_id=plan_id, kind=kind):
            return f"{kind}:{plan_id}"
        case PlanAnswers(plan_id=plan_id):
            return f"answers:{plan_id}"
        case StandingOrder(policy_hash=policy_hash):
            return f"policy:{policy_hash[:12]}"
        case UndoOf(run_id=run_id):
            return f"undo:{run_id}"
        case _:
            assert_never(authority)


def correction_prefix(plan_id: str) -> str:
    """Return what the labels of a plan's corrections begin with."""
    return f"correction:{plan_id}#"


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
    def place(self) -> Place:
        """Where its value stands."""
        return self.change.object, self.record_id or "", self.field or ""

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


def start_from(
    overruled: Mapping[Place, str | None], steps: Iterable[Step]
) -> tuple[Step, ...]:
    """Let steps that the CRM overruled be tried again, from what it made of them."""
    return tuple(
        replace(step, change=replace(step.change, before=overruled[step.place]))
        if isinstance(step.change, SetField) and step.place in overruled
        else step
        for step in steps
    )


def waves(steps: Iterable[Step]) -> list[Sequence[Step]]:
    """Cut an ordered list into waves: one action, object and field each.

    No record stands twice in one, which both CRMs would refuse.
    """
    return [list(wave) for _, wave in groupby(steps, key=_wave)]


_WAVES = tuple(Action)


def _wave(step: Step) -> tuple[int, str, str]:
    return _WAVES.index(step.action), step.change.object, step.field or ""


def _place(step: Step) -> tuple[int, str, str, str, str, str]:
    return (
        *_wave(step),
        step.account_id or "",
        step.record_id or "",
        step.key or "",
    )
