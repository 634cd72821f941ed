"""``handover meeting record``: what came back of a customer."""

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

import click

from handover.commands.answers import write_recorded
from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    from rich.console import Console

    from handover.answers.confirmations import Outcome
    from handover.answers.remarks import Kind
    from handover.jobs.recording import GivenRemark, Recorded
    from handover.plan.view import Audience

RESULTS = ("confirmed", "corrected", "unknown", "not_applicable")
MOMENTS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


@command(
    "record",
    example="handover meeting record 2027-04-sato-tanaka --account アサヒ商事 "
    "--item contacts.channel --result confirmed --person 山田",
)
@click.argument("plan_id", metavar="PLAN")
@click.option("--account", metavar="A", required=True, help="The customer.")
@click.option("--item", metavar="I", help="What was asked.")
@click.option("--result", type=click.Choice(RESULTS), help="What they answered.")
@click.option("--record", metavar="ID", help="Of which record.")
@click.option("--column", metavar="C", help="What of it was corrected.")
@click.option("--value", metavar="V", help="What holds instead.")
@click.option("--person", metavar="C", help="Who of the customer said so.")
@click.option("--at", type=click.DateTime(MOMENTS), metavar="T", help="When; now.")
@click.option("--note", metavar="T", help="What else was said.")
@click.option("--need", metavar="T", help="What the customer could use.")
@click.option("--amount", metavar="N", help="What the need may be worth.")
@click.option("--missed", metavar="T", help="Why the visit did not take place.")
def record(
    shell: Shell,
    *,
    plan_id: str,
    account: str,
    item: str | None,
    result: str | None,
    at: dt.datetime | None,
    **given: str | None,
) -> Result:
    """Record what a customer answered, item by item, and what else was heard."""
    from handover.jobs.recording import record_visit
    from handover.meeting.answer import GivenAnswer

    if bool(item) != bool(result):
        raise click.UsageError(shell.words("--item and --result belong together"))
    answers = []
    if item and result:
        words: dict[str, Any] = {
            name: given[name] for name in ("record", "column", "value", "person")
        }
        outcome = cast("Outcome", result)
        answers.append(GivenAnswer(item=item, result=outcome, **words))
    recorded = record_visit(
        shell.workspace, plan_id, account, answers, _list_remarks(shell, given), at
    )
    written = write_recorded(shell, recorded.plan, [recorded])
    audience = audience_of(shell, recorded.plan.source)

    def show(console: "Console") -> None:
        _print(recorded, audience, console)
        written.print(audience, console)

    return Result(
        name="meeting",
        data=_dump(recorded, audience) | written.dump(),
        text=show,
        warnings=[
            *_list_warnings(recorded),
            *written.list_notices(),
        ],
        error=written.error,
        is_done=True,
        as_of=shell.workspace.as_of,
    )


def _list_remarks(shell: Shell, given: dict[str, str | None]) -> "list[GivenRemark]":
    """Make remarks of the options; an amount belongs to a need."""
    from handover.jobs.recording import GivenRemark

    amount = None
    if given["amount"] is not None:
        if not given["need"]:
            raise click.UsageError(shell.words("--amount belongs to --need"))
        try:
            amount = Decimal(given["amount"].replace(",", ""))
        except InvalidOperation:
            problem = shell.words(
                "--amount is no number: {given}", given=given["amount"]
            )
            raise click.UsageError(problem) from None
    kinds: tuple[Kind, ...] = ("note", "need", "missed")
    texts = {kind: (given[kind] or "").strip() for kind in kinds}
    return [
        GivenRemark(kind=kind, text=text, amount=amount if kind == "need" else None)
        for kind, text in texts.items()
        if text
    ]


def _dump(recorded: "Recorded", audience: "Audience") -> dict[str, object]:
    """Return what was recorded as JSON has it."""
    from handover.meeting.heard_view import (
        dump_confirmation,
        dump_flag,
        dump_remark,
        dump_visit,
    )

    answers = [dump_confirmation(made) for made in recorded.confirmations]
    return {
        "plan": recorded.plan.id,
        "confirmation": answers[0] if answers else None,
        "remarks": [dump_remark(each) for each in recorded.remarks],
        "visit": dump_visit(recorded.progress),
        "flags": [dump_flag(flag, audience) for flag in recorded.flags],
    }


def _print(recorded: "Recorded", audience: "Audience", console: "Console") -> None:
    """Say what was kept, and what is still open."""
    words, progress = audience.words, recorded.progress
    console.print(words("{account}: recorded", account=recorded.row.account))
    if progress.missed is not None:
        console.print(words("The visit did not take place: the manager decides."))
    elif progress.is_done:
        console.print(words("Every item that has to be asked is answered."))
    else:
        names = ", ".join(map(audience.item, progress.open))
        console.print(words("Still to be asked: {items}", items=names))


def _list_warnings(recorded: "Recorded") -> list[Notice]:
    """List what is not as it should be."""
    return [
        Notice(code="visit_flag", params={"why": flag.why}) for flag in recorded.flags
    ]
