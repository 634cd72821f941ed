"""The desk: whose turn it is, plan by plan; and the plans of one reorganisation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from handover.errors import (
    KNOWN_ERRORS,
    AmbiguousName,
    ExitCode,
    HandoverError,
    KnownError,
    UnknownName,
    worst_code,
)
from handover.i18n import Phrase
from handover.jobs.plan import list_plans
from handover.jobs.workspace import Workspace
from handover.ledger.states import OVER_STATES, PlanState
from handover.plan.desk import (
    Waiting,
    find_declined,
    find_missed,
    find_returned,
    find_waiting,
)
from handover.plan.errors import WrongState
from handover.plan.model import Plan
from handover.plan.overview import Reorganisation, read_reorganisation
from mappings.toml_file import nearest

REORGANISATION = Phrase(text="reorganisation")
Done = TypeVar("Done")
_BEHIND = {
    "submit": {PlanState.SUBMITTED, PlanState.APPROVED, PlanState.IN_PROGRESS},
    "approve": {PlanState.APPROVED, PlanState.IN_PROGRESS},
}
"""States of plans that have a step behind them."""


class NotAllPlans(HandoverError):
    """Plans of a reorganisation did not go (``reorganisation done refused plans``)."""

    code = "not_all_plans"


@dataclass(frozen=True, kw_only=True)
class PlanOutcome(Generic[Done]):
    """What became of one plan of a reorganisation.

    ``done`` is what came of it; ``error`` is why not, or what is left undone. Neither:
    the plan has this step behind it.
    """

    plan: Plan
    done: Done | None = None
    error: KnownError | None = None


def list_waiting(workspace: Workspace, plans: Iterable[Plan]) -> list[Waiting]:
    """List what plans wait for, in the order in which it is needed."""
    now = {}
    found = []
    zone, rehearsed = workspace.config.zone, bool(workspace.rehearsed_on)
    with workspace.ledger.read() as connection:
        for plan in plans:
            if plan.source not in now:
                now[plan.source] = workspace.circumstances(plan.source)
            day, known = workspace.deciding_day, now[plan.source]
            waiting = find_waiting(connection, plan, day, known)
            others = (
                find_declined(plan, known),
                find_returned(connection, plan, known, rehearsed=rehearsed),
                find_missed(connection, plan, known, zone, rehearsed=rehearsed),
            )
            found += [each for each in (waiting, *others) if each]
    return sorted(found, key=lambda each: each.by or each.plan.effective)


def read_whole(workspace: Workspace, plans: Sequence[Plan]) -> Reorganisation:
    """Read who owns what around the plans of a reorganisation."""
    source = plans[0].source
    people = workspace.people(source)
    with workspace.mirror(source) as mirror:
        return read_reorganisation(mirror, plans, people)


def find_next(workspace: Workspace, plan: Plan) -> str | None:
    """Return the command that a plan waits for, if it waits for any."""
    return next((each.command for each in list_waiting(workspace, [plan])), None)


def list_mine(workspace: Workspace, waiting: Sequence[Waiting]) -> list[Waiting]:
    """List what waits for whoever asks.

    Raises:
        NoDecider: nobody says who asks.
        UnknownName: no source knows them.
    """
    me: dict[str, str] = {}
    unknown: UnknownName | None = None
    sources = sorted(workspace.generation().sources)
    for source in sources:
        try:
            me[source] = workspace.decider(source)
        except UnknownName as error:
            unknown = error
    if unknown is not None and not me:
        raise unknown
    return [each for each in waiting if me.get(each.plan.source) in each.persons]


def find_reorganisation(workspace: Workspace, text: str) -> list[Plan]:
    """List the plans of a reorganisation, by its name or the beginning of it.

    Raises:
        UnknownName: there is no such reorganisation.
        AmbiguousName: several begin so.
    """
    plans = list_plans(workspace)
    names = sorted({plan.reorganisation for plan in plans if plan.reorganisation})
    found = [name for name in names if text and name.startswith(text)]
    if text in names:
        found = [text]
    if not found:
        near = nearest(text, names) or "-"
        raise UnknownName(kind=REORGANISATION, name=text, suggestion=near)
    if len(found) > 1:
        candidates = ", ".join(found)
        raise AmbiguousName(kind=REORGANISATION, name=text, candidates=candidates)
    return [plan for plan in plans if plan.reorganisation == found[0]]


def do_each(
    plans: Iterable[Plan],
    step: str,
    do: Callable[[Plan], Done],
    find_error: Callable[[Done], KnownError | None],
) -> list[PlanOutcome[Done]]:
    """Take a step with each plan that is ready for it; the others say why not.

    Args:
        plans: of one reorganisation; those that are over are left out.
        step: its name.
        do: takes the step with one plan.
        find_error: finds in what was done what is left undone.
    """
    outcomes: list[PlanOutcome[Done]] = []
    for plan in plans:
        if plan.state in OVER_STATES:
            continue
        try:
            done = do(plan)
            outcomes.append(PlanOutcome(plan=plan, done=done, error=find_error(done)))
        except WrongState as error:
            is_behind = plan.state in _BEHIND.get(step, ())
            outcomes.append(PlanOutcome(plan=plan, error=None if is_behind else error))
        except KNOWN_ERRORS as error:
            outcomes.append(PlanOutcome(plan=plan, error=error))
    return outcomes


def judge(outcomes: Sequence[PlanOutcome[Done]]) -> NotAllPlans | None:
    """Return what is to be said of plans that did not go; None if all did.

    The exit code is the worst; where some plans went, a refusal counts as partly done.
    """
    failed = [each for each in outcomes if each.error is not None]
    if not failed:
        return None
    error = NotAllPlans(
        reorganisation=failed[0].plan.reorganisation,
        done=len(outcomes) - len(failed),
        refused=len(failed),
        plans=tuple(each.plan.id for each in failed),
    )
    has_gone = any(each.done is not None for each in outcomes)
    codes = [each.error.exit_code for each in failed if each.error is not None]
    partly = {ExitCode.REFUSED: ExitCode.PARTLY} if has_gone else {}
    error.exit_code = worst_code(partly.get(ExitCode(code), code) for code in codes)
    return error
