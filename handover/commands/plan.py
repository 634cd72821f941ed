"""``handover plan``: draw up, show, edit and decide on handover plans."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handover.commands.edits import (
    answer_options,
    edit_options,
    read_answers,
    read_edits,
)
from handover.commands.options import DAY
from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import (
    FORMS,
    audience_of,
    dump_plan,
    dump_plans,
    list_clock_notices,
    make_too_short,
    plan_result,
)
from handover.commands.reorganisation import show_whole, take_step, takes_plans
from handover.commands.shell import CommandEntry, Shell, command, group

if TYPE_CHECKING:
    from rich.console import Console

    from handover.errors import HandoverError
    from handover.jobs.decisions import Changed
    from handover.jobs.plan import NewPlans
    from handover.plan.model import Plan


DATES = ("notice", "announce", "start", "end", "effective")
"""The options that say when."""


@group(
    "plan",
    {
        "list": CommandEntry(
            at="handover.commands.plan_list:list_plans",
            help="List plans, where they stand and whose turn it is.",
        ),
        "show": CommandEntry(
            at="handover.commands.plan_show:show",
            help="Show a plan, what has changed since, or somebody's day.",
        ),
        "export": CommandEntry(
            at="handover.commands.workbook:export",
            help="Write a plan as a workbook that its manager fills in.",
        ),
        "import": CommandEntry(
            at="handover.commands.workbook:import_book",
            help="Take what was filled in in a plan's workbook.",
        ),
        "publish": CommandEntry(
            at="handover.commands.transfer:publish",
            help="Put an approved plan into the CRM as tasks.",
        ),
        "end": CommandEntry(
            at="handover.commands.ending:end",
            help="End a plan early, and close its tasks in the CRM.",
        ),
    },
)
def plan() -> None:
    """Draw up, show, edit and decide on handover plans."""


@command(
    "new", example="handover plan new --from 佐藤 --to 田中", parent=plan, forms=FORMS
)
@click.option("--from", "predecessor", metavar="R", help="Who gives up.")
@click.option("--to", "successors", multiple=True, metavar="R", help="Who takes over.")
@click.option(
    "--moves",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A reorganisation: predecessor, account or *, successor, effective.",
)
@click.option("--notice", type=DAY, metavar="D", help="When the people are told.")
@click.option("--announce", type=DAY, metavar="D", help="When customers are told.")
@click.option("--start", type=DAY, metavar="D", help="First day of the period.")
@click.option("--end", type=DAY, metavar="D", help="Last day of the period.")
@click.option("--effective", type=DAY, metavar="D", help="When the owners change.")
@click.option("--discard", is_flag=True, help="Drop what was decided on its draft.")
@click.option(
    "--as-soon-as-possible",
    "soon",
    is_flag=True,
    help="Do not spread the visits over the period.",
)
@click.option(
    "--absences",
    multiple=True,
    metavar="[U=]FILE.ics",
    help="Calendars: who is busy when.",
)
@click.option("--absent", is_flag=True, help="The predecessor cannot take part.")
def new(shell: Shell, **given: Any) -> Result:  # noqa: ANN401 - click's options
    """Draw up the plan of a predecessor, or all plans of a reorganisation."""
    from handover.jobs.desk import find_next
    from handover.jobs.plan import draw_up

    plans = draw_up(shell.workspace, _new_plans(shell, given))
    shown = plan_result(
        shell,
        plans,
        data=dump_plans(shell, plans),
        error=make_too_short(plans),
        next=find_next(shell.workspace, plans[0]),
    )
    whole = plans[0].reorganisation
    if whole is not None and len(plans) > 1:
        overview = show_whole(shell, whole)
        step = f"handover plan submit --reorganisation {whole}"
        shown = replace(shown, text=overview.text, html=overview.html, next=step)
    notices = [*shown.warnings, *list_clock_notices(shell)]
    return replace(shown, warnings=notices, is_done=True)


def _new_plans(shell: Shell, given: Mapping[str, Any]) -> "NewPlans":
    """Read the options; insist on one move or a file of them."""
    from handover.jobs.plan import NewPlans
    from handover.plan.dates import PlanDates

    asked = NewPlans(
        predecessor=given["predecessor"],
        successors=given["successors"],
        moves=given["moves"],
        dates=PlanDates(**{name: given[name] for name in DATES}),
        absent=given["absent"],
        discard=given["discard"],
        soon=given["soon"],
        absences=given["absences"],
    )
    one_move = bool(asked.predecessor and asked.successors)
    if asked.moves is None and one_move:
        return asked
    if asked.moves is None or asked.predecessor or asked.successors:
        raise click.UsageError(
            shell.words("Give --from and --to, or --moves with a file of moves.")
        )
    return asked


@command(
    "submit",
    example="handover plan submit 2027-04-sato-tanaka",
    parent=plan,
    forms=FORMS,
)
@takes_plans
@click.option("--reason", metavar="T", help="Why it is right, if it was sent back.")
def submit(shell: Shell, *, reason: str | None, **plans: str | None) -> Result:
    """Hand a draft to the manager."""
    from handover.jobs.decisions import submit as submit_plan
    from handover.jobs.desk import find_next

    def submit_one(key: str) -> Result:
        decided = submit_plan(shell.workspace, key, reason)
        then = find_next(shell.workspace, decided.plan)
        return _show_decided(shell, decided, next=then)

    return take_step(shell, "submit", do=submit_one, **plans)


@command(
    "edit",
    example="handover plan edit 2027-04-sato-tanaka --meet 青葉商事 --reason 要訪問",
    parent=plan,
    forms=FORMS,
)
@click.argument("plan_id", metavar="PLAN")
@edit_options
@answer_options
@click.option("--prepared-by", metavar="U", help="Who may prepare and submit it, too.")
def edit(shell: Shell, *, plan_id: str, **given: Any) -> Result:  # noqa: ANN401 - click's options
    """Edit a plan, to be approved again, or note what customers answered."""
    from handover.jobs.decisions import edit as edit_plan
    from handover.jobs.desk import find_next

    answers = read_answers(given)
    changed = edit_plan(shell.workspace, plan_id, read_edits(given), answers)
    return _show_decided(
        shell,
        changed,
        error=make_too_short([changed.plan]) if changed.is_new_version else None,
        next=find_next(shell.workspace, changed.plan),
    )


@command(
    "approve",
    example="handover plan approve 2027-04-sato-tanaka",
    parent=plan,
    forms=FORMS,
)
@takes_plans
@edit_options
@click.option(
    "--version", "read", type=int, metavar="N", help="The version that you have read."
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The signed workbook or mail; its hash is recorded.",
)
@click.option("--on-behalf", metavar="T", help="Why it is typed by somebody else.")
def approve(shell: Shell, **given: Any) -> Result:  # noqa: ANN401 - click's options
    """Approve a submitted plan, with or without edits."""
    return take_step(
        shell,
        "approve",
        plan_id=given.pop("plan_id"),
        reorganisation=given.pop("reorganisation"),
        do=lambda key: _approve_one(shell, key, given),
    )


def _approve_one(shell: Shell, plan_id: str, given: Mapping[str, Any]) -> Result:
    from handover.jobs.deciding import Grounds
    from handover.jobs.decisions import approve as approve_plan

    read = given["read"]
    if read is None and shell.is_interactive and not shell.options.yes:
        read = _ask_to_approve(shell, plan_id)
    grounds = Grounds(
        reason=given["reason"],
        version=read,
        evidence=given["evidence"],
        on_behalf=given["on_behalf"],
    )
    changed = approve_plan(shell.workspace, plan_id, read_edits(given), grounds)
    return _show_decided(
        shell, changed, next=f"handover plan publish {changed.plan.id}"
    )


def _ask_to_approve(shell: Shell, plan_id: str) -> int:
    """Show a plan and what has changed since it was last approved, and ask.

    Returns:
        The version that was shown and agreed to.

    Raises:
        NotConfirmed: it was not agreed to.
    """
    from handover.commands.forms import print_aside
    from handover.jobs.plan import compare_versions, find_plan, find_version_seen
    from handover.plan.errors import NotConfirmed
    from handover.plan.terminal import print_decision

    found = find_plan(shell.workspace, plan_id)
    before = find_version_seen(shell.workspace, found)
    compared = compare_versions(shell.workspace, found, before)
    reader = audience_of(shell, found.source)
    print_aside(
        lambda console: print_decision(compared, reader, console), shell.options
    )
    asked = shell.words("Approve version {version} of {plan}?", **_named(found))
    if not click.confirm(asked, err=True):
        raise NotConfirmed(data=None, **_named(found))
    return found.version


def _named(found: "Plan") -> dict[str, object]:
    return {"plan": found.id, "version": found.version}


@command(
    "reject",
    example="handover plan reject 2027-04-sato-tanaka --reason 期間が短い",
    parent=plan,
    forms=FORMS,
)
@click.argument("plan_id", metavar="PLAN")
@click.option("--reason", metavar="T", required=True, help="Why.")
def reject(shell: Shell, *, plan_id: str, reason: str) -> Result:
    """Send a submitted plan back."""
    from handover.jobs.decisions import reject as reject_plan

    decided = reject_plan(shell.workspace, plan_id, reason)
    return _show_decided(shell, decided, next=f"handover plan edit {decided.plan.id}")


@command(
    "void",
    example="handover plan void 2027-04-sato-tanaka --reason 異動の取りやめ",
    parent=plan,
    forms=FORMS,
)
@click.argument("plan_id", metavar="PLAN")
@click.option("--reason", metavar="T", required=True, help="Why.")
def void(shell: Shell, *, plan_id: str, reason: str) -> Result:
    """End a plan of which nothing has been carried out."""
    from handover.jobs.decisions import void as void_plan

    return _show_decided(shell, void_plan(shell.workspace, plan_id, reason))


def _show_decided(
    shell: Shell,
    changed: "Changed",
    *,
    error: "HandoverError | None" = None,
    next: str | None = None,  # noqa: A002 - as Result has it
) -> Result:
    """Show where a plan stands now, and what an edit changed in it."""
    from handover.jobs.plan import compare_versions

    plan, before = changed.plan, changed.before
    compared = compare_versions(shell.workspace, plan, before)

    def text(console: "Console") -> None:
        from handover.plan.terminal import print_decision

        print_decision(compared, audience_of(shell, plan.source), console)

    data = {
        "plan": dump_plan(plan),
        **({"changes": [asdict(c) for c in compared.changes]} if before else {}),
    }
    shown = plan_result(shell, [plan], data=data, error=error, next=next)
    notices = [*shown.warnings, *list_clock_notices(shell)]
    if changed.stopped is not None:
        notices.append(Notice(code="run_stopped", params={"run": changed.stopped}))
    return replace(shown, text=text, warnings=notices, is_done=True)
