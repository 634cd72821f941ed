"""A whole reorganisation in one command: what is ready goes, the rest says why not."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of, dump_plan, plan_result
from handover.commands.shell import Shell
from handover.safe_text import plain

if TYPE_CHECKING:
    from rich.console import Console

    from handover.jobs.desk import PlanOutcome

Body = TypeVar("Body", bound=Callable[..., Any])


def takes_plans(body: Body) -> Body:
    """Let a command take PLAN or ``--reorganisation``."""
    body = click.argument("plan_id", metavar="PLAN", required=False)(body)
    text = "All plans of a reorganisation, in place of PLAN."
    return click.option("--reorganisation", metavar="R", help=text)(body)


def take_step(
    shell: Shell,
    step: str,
    *,
    plan_id: str | None,
    reorganisation: str | None,
    do: Callable[[str], Result],
) -> Result:
    """Take a step with one plan, or with all plans of a reorganisation that are ready.

    Args:
        shell: of the command.
        step: its name.
        plan_id: the one plan, as it was typed.
        reorganisation: or the reorganisation, as it was typed.
        do: takes the step with a plan.
    """
    if plan_id is not None and reorganisation is None:
        return do(plan_id)
    if plan_id is not None or reorganisation is None:
        raise click.UsageError(shell.words("Give a PLAN, or --reorganisation."))
    from handover.jobs.desk import do_each, find_reorganisation, judge

    plans = find_reorganisation(shell.workspace, reorganisation)
    outcomes = do_each(plans, step, lambda plan: do(plan.id), lambda done: done.error)
    now = find_reorganisation(shell.workspace, plans[0].reorganisation or "")
    states = {plan.id: plan.state.value for plan in now}

    def text(console: "Console") -> None:
        for each in outcomes:
            if each.done is not None:
                each.done.text(console)
        console.print()
        for each in outcomes:
            _print_outcome(shell, each, states[each.plan.id], console)

    data = {
        "reorganisation": plans[0].reorganisation,
        "plans": [dump_plan(plan) for plan in now],
        "outcomes": [_dump(shell, each, states[each.plan.id]) for each in outcomes],
    }
    shown = plan_result(shell, now, data=data, error=judge(outcomes))
    notices = [*shown.warnings, *_list_warnings(outcomes)]
    return replace(
        shown,
        text=text,
        warnings=list({(n.code, str(n.params)): n for n in notices}.values()),
        is_done=any(each.done and each.done.is_done for each in outcomes),
    )


def _list_warnings(outcomes: "Sequence[PlanOutcome[Result]]") -> list[Any]:
    return [n for each in outcomes if each.done for n in each.done.warnings]


def _name_outcome(outcome: "PlanOutcome[Result]") -> str:
    if outcome.done is not None:
        return "done" if outcome.error is None else "partly"
    return "behind" if outcome.error is None else "refused"


def _print_outcome(
    shell: Shell, outcome: "PlanOutcome[Result]", state: str, console: "Console"
) -> None:
    """Print what became of one plan, and of what was refused why, and what to do."""
    from handover.paper import signs

    words = shell.words
    person = audience_of(shell, outcome.plan.source).person(outcome.plan.predecessor)
    sign = signs.GOOD if outcome.error is None else signs.BAD
    what = words(f"plan-outcome:{_name_outcome(outcome)}")
    where = words(f"state:{state}")
    line = f"{sign} {outcome.plan.id} ({person}): {what} ({where})"
    console.print(line, soft_wrap=True)
    if outcome.error is not None:
        said = words.sentence(outcome.error)
        console.print(f"  {said}", soft_wrap=True)
        console.print(f"  → {said.remedy}", soft_wrap=True)


def _dump(
    shell: Shell, outcome: "PlanOutcome[Result]", state: str
) -> dict[str, object]:
    error = None
    if outcome.error is not None:
        said = shell.words.sentence(outcome.error)
        error = {
            "code": outcome.error.code,
            "message": plain(str(said)),
            "hint": plain(said.remedy),
        }
    done = outcome.done.data if outcome.done is not None else {}
    return {
        "plan": outcome.plan.id,
        "outcome": _name_outcome(outcome),
        "state": state,
        "error": error,
        **({"run": done["run"]} if "run" in done else {}),
    }


def show_whole(shell: Shell, reorganisation: str) -> Result:
    """Show a reorganisation on one page: people, load, progress, what nobody takes."""
    from handover.jobs import desk
    from handover.jobs.plan import write_page
    from handover.plan.desk_view import dump_waiting, print_waiting
    from handover.plan.overview import find_new_owners, list_overview, list_untaken
    from handover.plan.terminal import lay_out

    workspace = shell.workspace
    plans = desk.find_reorganisation(workspace, reorganisation)
    whole = desk.read_whole(workspace, plans)
    waiting = desk.list_waiting(workspace, plans)
    audience = replace(audience_of(shell, plans[0].source), mark=shell.mark)
    tables = list_overview(whole, audience)

    def text(console: "Console") -> None:
        title = f"{shell.words('Reorganisation')}: {plans[0].reorganisation}"
        console.print(title, style="bold")
        for table in tables:
            if table.rows:
                console.print()
                console.print(lay_out(table))
        print_waiting(waiting, audience, workspace.as_of, console)

    after = Counter(find_new_owners(whole).values())
    before = Counter(whole.owners.values())
    involved = {p for plan in whole.plans for p in (plan.predecessor, *plan.successors)}
    data = {
        "reorganisation": plans[0].reorganisation,
        "plans": [dump_plan(plan) for plan in plans],
        "people": [
            {"person": each, "customers": before[each], "customers_after": after[each]}
            for each in sorted(involved)
        ],
        "nobody_takes": [
            {"plan": plan.id, "account_id": row.account_id, "account": row.account}
            for plan, row in list_untaken(whole)
        ],
        "waiting": dump_waiting(waiting, shell.words),
    }
    return replace(
        plan_result(shell, plans, data=data),
        text=text,
        html=lambda: write_page(workspace, whole.plans or plans, audience, tables),
    )
