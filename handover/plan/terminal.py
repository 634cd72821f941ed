"""Plans, lists of plans and their changes on the terminal."""

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console

from handover.ledger.states import Mode
from handover.paper import signs
from handover.paper.table import Table
from handover.plan.appointments import describe_absences, describe_answers
from handover.plan.changes import Comparison
from handover.plan.changes_view import list_changed, list_drift
from handover.plan.decision import RecordedDecision
from handover.plan.lists import list_aside, list_parts
from handover.plan.model import Plan, PutAside
from handover.plan.plan_list import PlanList
from handover.plan.terms import compare_terms
from handover.plan.view import (
    Audience,
    count_modes,
    describe_plan,
    describe_shortfall,
    find_approval,
    list_head,
    list_legend,
    list_undecided,
    name_decider,
    print_effects,
)


def print_plan(
    plan: Plan,
    audience: Audience,
    console: Console,
    decisions: Iterable[RecordedDecision] = (),
) -> None:
    """Print a plan, with the decisions on it."""
    words = audience.words
    _print_title(plan, audience, console)
    if (shortfall := describe_shortfall(plan, audience)) is not None:
        console.print(f"{signs.BAD} {shortfall}", style="bold red")
    for label, value in list_head(plan, audience):
        console.print(f"  {label}: {value}")
    for made in decisions:
        what = words(f"decision:{made.decision}")
        version = words("version {n}", n=made.version)
        console.print(f"  {what} ({version}): {name_decider(made, audience)}")
    console.print(describe_plan(plan, audience))
    console.print(describe_answers(plan, words))
    if (away := describe_absences(plan, audience)) is not None:
        console.print(away)
    for table in list_parts(plan, audience):
        console.print()
        console.print(lay_out(table))
    _print_commands(plan, audience, console)
    for code, text in list_legend(plan, words):
        console.print(f"  {code}  {text}")
    print_effects(audience.effects, words, console)
    _print_undecided(plan, audience, console)


def _print_commands(plan: Plan, audience: Audience, console: Console) -> None:
    """Print how the ways out are taken, each in one line to be copied."""
    for option in plan.options:
        console.print(f"  {audience.words(f'option:{option.code}')}:")
        console.print(f"    {option.command}", soft_wrap=True)


def print_aside(
    aside: Sequence[PutAside], audience: Audience, console: Console
) -> None:
    """Print what could not be used of the records of a run, if anything."""
    for table in list_aside(aside, audience):
        if table.rows:
            console.print(lay_out(table))


def print_decision(compared: Comparison, audience: Audience, console: Console) -> None:
    """Print where a plan stands after a decision, and what it changed."""
    plan = compared.plan
    _print_title(plan, audience, console)
    console.print(describe_plan(plan, audience))
    console.print(describe_answers(plan, audience.words))
    if compared.changes:
        console.print()
        console.print(lay_out(list_changed(compared, audience)))
    for line in _list_terms(compared, audience):
        console.print(f"  △ {line}", soft_wrap=True)
    _print_undecided(plan, audience, console)


def print_list(
    plans: Iterable[Plan],
    decisions: Mapping[str, Sequence[RecordedDecision]],
    audience: Audience,
    console: Console,
) -> None:
    """Print one line for each plan, with whoever approved it last."""
    words = audience.words
    approvals = {plan: find_approval(made) for plan, made in decisions.items()}
    rows = [
        (
            plan.id,
            words(f"state:{plan.state.value}"),
            audience.person(plan.predecessor),
            f"{count_modes(plan)[Mode.MEET]}/{len(plan.rows)}",
            f"{plan.start} - {plan.end}",
            ", ".join(str(day) for day, _ in plan.dates) or str(plan.effective),
            name_decider(approval, audience) if approval else "-",
        )
        for plan in plans
        for approval in [approvals.get(plan.id)]
    ]
    headings = (
        words("Plan"),
        words("State"),
        words("Predecessor"),
        words("Met"),
        words("Period"),
        words("Owners change on"),
        words("Approved by"),
    )
    title = words("Handover plans")
    console.print(
        lay_out(PlanList(title=title, headings=headings, rows=rows, whole=(0,)))
    )


def print_changes(compared: Comparison, audience: Audience, console: Console) -> None:
    """Print what is different, and why."""
    _print_title(compared.plan, audience, console)
    terms = _list_terms(compared, audience)
    if not (compared.changes or compared.drift or terms):
        console.print(audience.words("Nothing has changed."))
    if compared.changes:
        console.print(lay_out(list_changed(compared, audience)))
    for line in terms:
        console.print(f"  △ {line}", soft_wrap=True)
    if compared.drift:
        console.print(lay_out(list_drift(compared, audience)))


def _print_title(plan: Plan, audience: Audience, console: Console) -> None:
    words = audience.words
    title = words(
        "Handover plan {id}, version {version}: {state}",
        id=plan.id,
        version=plan.version,
        state=words(f"state:{plan.state.value}"),
    )
    console.print(title, style="bold")


def _print_undecided(plan: Plan, audience: Audience, console: Console) -> None:
    for line in list_undecided(plan, audience.words):
        console.print(f"  △ {line}")


def lay_out(table: PlanList) -> Table:
    """Lay a table out for the terminal."""
    laid_out = Table(title=table.title, title_justify="left", box=None)
    shown = table.columns("terminal")
    for n in shown:
        laid_out.add_column(
            table.headings[n],
            justify="right" if n in table.numbers else "left",
            min_width=_widest(table, n) if n in table.whole else None,
        )
    for row in table.rows:
        laid_out.add_row(*(row[n] for n in shown))
    return laid_out


def _widest(table: PlanList, column: int) -> int:
    return max(cell_len(row[column]) for row in table.rows) if table.rows else 0


def _list_terms(compared: Comparison, audience: Audience) -> list[str]:
    """List what an approval would rest on now, and did not in the earlier version."""
    before = compared.before
    if before is None:
        return []
    found = compare_terms(before.terms, compared.plan.terms, audience.name)
    return [audience.words.phrase(each) for each in found]
