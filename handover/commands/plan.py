"""``handover plan``: draw up, show, amend and decide on handover plans."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handover.commands import plan_desk as desk
from handover.commands.amendments import AMENDMENTS, amendment_options
from handover.commands.options import DAY, Format
from handover.commands.shell import Entry, Result, Shell, command, group

if TYPE_CHECKING:
    from rich.console import Console

    from handover.errors import HandoverError
    from handover.plan.model import Plan


FORMS: tuple[Format, ...] = ("csv", "html", "xlsx")
"""What a plan can be shown as besides text and JSON."""


@group(
    "plan",
    {
        "publish": Entry(
            at="handover.commands.transfer:publish",
            help="Put an approved plan into the CRM as tasks.",
        )
    },
)
def plan() -> None:
    """Draw up, show, amend and decide on handover plans."""


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
@click.option("--absent", is_flag=True, help="The predecessor cannot take part.")
def new(shell: Shell, **given: Any) -> Result:  # noqa: ANN401 - click's options
    """Draw up the plan of a predecessor, or all plans of a reorganisation."""
    from handover.plan.build import is_too_short
    from handover.plan.drafting import draw_up

    first = _first_predecessor(shell, given)
    source = desk.source_of(shell, first)
    workspace = shell.workspace
    with (
        desk.open_desk(shell, source) as opened,
        workspace.ledger.begin() as connection,
    ):
        plans = draw_up(
            connection,
            opened.setting,
            desk.orders_of(opened, given),
            made_by=desk.maker(shell, source),
            at=workspace.now,
        )
    short = [each for each in plans if is_too_short(each)]
    return desk.result(
        shell,
        plans,
        data=_data(shell, plans),
        error=_too_short(short[0]) if short else None,
        next=f"handover plan submit {plans[0].id}",
    )


def _first_predecessor(shell: Shell, given: Mapping[str, Any]) -> str:
    """Insist on one move or a list of them; name the first predecessor."""
    file, predecessor, to = given["moves"], given["predecessor"], given["successors"]
    if file is None and predecessor and to:
        return str(predecessor)
    if file is None or predecessor or to:
        raise click.UsageError(
            shell.words("Give --from and --to, or --moves with a file of moves.")
        )
    from handover.plan.errors import BadMoves
    from handover.plan.moves import read_moves

    lines = read_moves(file)
    if not lines:
        raise BadMoves(file=file.name, line=2, detail="-")
    return lines[0].predecessor


@command("list", example="handover plan list", parent=plan)
def list_plans(shell: Shell) -> Result:
    """List all plans and where they stand."""
    from handover.plan import store

    with shell.workspace.ledger.read() as connection:
        plans = store.load_all(connection)

    def show(console: "Console") -> None:
        from handover.plan.terminal import print_list

        for source in dict.fromkeys(each.source for each in plans):
            ours = [each for each in plans if each.source == source]
            print_list(ours, desk.reader(shell, source), console)

    rows = [each.model_dump(mode="json", exclude={"rows"}) for each in plans]
    return Result(
        name="plan", data={"plans": rows}, text=show, as_of=shell.workspace.as_of
    )


@command(
    "show", example="handover plan show 2027-04-sato-tanaka", parent=plan, forms=FORMS
)
@click.argument("plan_id", metavar="PLAN")
@click.option("--changes", is_flag=True, help="What differs from the version before.")
def show(shell: Shell, *, plan_id: str, changes: bool) -> Result:
    """Show a plan, or what has changed in it and in the CRM since."""
    from handover.plan import store

    with shell.workspace.ledger.read() as connection:
        found = store.load(connection, store.find_plan(connection, plan_id))
        before = (
            store.load(connection, found.id, found.version - 1)
            if changes and found.version > 1
            else None
        )
    if changes:
        return _changes(shell, found, before)
    return desk.result(shell, [found], data=_data(shell, [found]))


def _changes(shell: Shell, found: "Plan", before: "Plan | None") -> Result:
    from handover.plan.changes import changes, drift
    from handover.plan.facts import read_owners

    with shell.workspace.mirror(found.source) as mirror:
        owners = read_owners(mirror, found)
    made = list(changes(before, found)) if before else []
    drifted = list(drift(found, owners))

    def text(console: "Console") -> None:
        from handover.plan.terminal import print_changes

        print_changes(found, made, drifted, desk.reader(shell, found.source), console)

    data = {
        **_data(shell, [found]),
        "changes": [asdict(each) for each in made],
        "drift": [asdict(each) for each in drifted],
    }
    return Result(name="plan", data=data, text=text, as_of=shell.workspace.as_of)


@command(
    "submit",
    example="handover plan submit 2027-04-sato-tanaka",
    parent=plan,
    forms=FORMS,
)
@click.argument("plan_id", metavar="PLAN")
def submit(shell: Shell, *, plan_id: str) -> Result:
    """Hand a draft to the manager."""
    from handover.plan import approval, store

    with shell.workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, plan_id))
        decided = approval.submit(
            connection,
            found,
            desk.decision(shell, found.source, {}),
            shell.workspace.people(found.source),
        )
    return _decided(shell, decided, next=f"handover plan approve {decided.id}")


@command(
    "edit",
    example="handover plan edit 2027-04-sato-tanaka --meet 青葉商事 --reason 要訪問",
    parent=plan,
    forms=FORMS,
)
@click.argument("plan_id", metavar="PLAN")
@amendment_options
def edit(shell: Shell, *, plan_id: str, **given: Any) -> Result:  # noqa: ANN401 - click's options
    """Amend a plan; what was approved has to be approved again."""
    from handover.plan import store
    from handover.plan.build import is_too_short
    from handover.plan.revising import revise

    workspace = shell.workspace
    with workspace.ledger.read() as connection:
        source = store.load(connection, store.find_plan(connection, plan_id)).source
    with (
        desk.open_desk(shell, source) as opened,
        workspace.ledger.begin() as connection,
    ):
        found = store.load(connection, store.find_plan(connection, plan_id))
        revised = revise(
            connection,
            opened.setting,
            found,
            opened.amendments(found, given),
            person=workspace.decider(source),
            at=workspace.now,
        )
        shown = store.load(connection, revised.id)
    return _decided(
        shell,
        shown,
        before=found,
        error=_too_short(shown) if is_too_short(shown) else None,
        next=f"handover plan submit {shown.id}",
    )


@command(
    "approve",
    example="handover plan approve 2027-04-sato-tanaka",
    parent=plan,
    forms=FORMS,
)
@click.argument("plan_id", metavar="PLAN")
@amendment_options
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The signed workbook or mail; its hash is recorded.",
)
@click.option("--on-behalf", metavar="T", help="Why it is typed by somebody else.")
def approve(shell: Shell, *, plan_id: str, **given: Any) -> Result:  # noqa: ANN401 - click's options
    """Approve a submitted plan, with or without amendments."""
    from handover.plan import approval, store
    from handover.plan.revising import revise_submitted

    workspace = shell.workspace
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, plan_id))
        by = desk.decision(shell, found.source, given)
        people, policy = workspace.people(found.source), workspace.policy
        approval.check_approver(found, "approve", by, people, policy)
        before = None
        if any(given[name] for name in AMENDMENTS):
            before = found
            with desk.open_desk(shell, found.source) as opened:
                found = revise_submitted(
                    connection,
                    opened.setting,
                    before,
                    opened.amendments(before, given),
                    person=by.person_id,
                    at=by.at,
                )
        decided = approval.approve(connection, found, by, people, policy)
    return _decided(
        shell, decided, before=before, next=f"handover plan publish {decided.id}"
    )


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
    from handover.plan import approval, store

    workspace = shell.workspace
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, plan_id))
        decided = approval.reject(
            connection,
            found,
            desk.decision(shell, found.source, {"reason": reason}),
            workspace.people(found.source),
            workspace.policy,
        )
    return _decided(shell, decided, next=f"handover plan edit {decided.id}")


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
    from handover.plan import approval, store

    workspace = shell.workspace
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, plan_id))
        decided = approval.void(
            connection,
            found,
            desk.decision(shell, found.source, {"reason": reason}),
            workspace.people(found.source),
        )
    return _decided(shell, decided)


def _decided(
    shell: Shell,
    decided: "Plan",
    *,
    before: "Plan | None" = None,
    error: "HandoverError | None" = None,
    next: str | None = None,  # noqa: A002 - as Result has it
) -> Result:
    """Show where a plan stands now, and what an amendment changed in it."""
    from handover.plan.changes import changes

    made = list(changes(before, decided)) if before else []

    def text(console: "Console") -> None:
        from handover.plan.terminal import print_decision

        print_decision(decided, made, desk.reader(shell, decided.source), console)

    data = {
        "plan": decided.model_dump(mode="json"),
        **({"changes": [asdict(each) for each in made]} if before else {}),
    }
    shown = desk.result(shell, [decided], data=data, error=error, next=next)
    return replace(shown, text=text)


def _data(shell: Shell, plans: Sequence["Plan"]) -> dict[str, object]:
    from handover.plan.effects import effects_json

    source = plans[0].source if plans else ""
    effects = shell.workspace.side_effects(source)
    shown = [each.model_dump(mode="json") for each in plans]
    return {
        "plans": shown,
        **({"plan": shown[0]} if len(shown) == 1 else {}),
        "reorganisation": plans[0].reorganisation if plans else None,
        "side_effects": effects_json(effects, shell.words),
    }


def _too_short(plan: "Plan") -> "HandoverError":
    from handover.plan.errors import PeriodTooShort
    from handover.plan.model import Mode

    rows = [r for r in plan.rows if r.mode is Mode.MEET and r.visit is None]
    return PeriodTooShort(
        plan=plan.id,
        rows=len(rows),
        days=plan.minimum_days if plan.minimum_days is not None else "-",
        end=plan.minimum_end or "-",
    )
