"""``handover report``: what came of a plan, for the manager."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.disk import replace_private_file
from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import audience_of, dump_plan
from handover.commands.shell import Shell, command
from handover.commands.streams import written_to

if TYPE_CHECKING:
    import pandas as pd

    from handover.follow.report_view import ReportReading
    from handover.jobs.report import Reported
    from handover.paper.mail_file import Mailbox


@command(
    "report",
    forms=("csv", "html", "xlsx"),
    example="handover report 2027-04-sato-tanaka -o report.html --as 田中",
)
@click.argument("plan_id", metavar="PLAN")
@click.option(
    "--eml",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="F",
    help="Write the draft of a mail to the manager, with the report.",
)
def report(shell: Shell, *, plan_id: str, eml: Path | None) -> Result:
    """Report what came of a plan, customer by customer.

    Once there is a result of every customer, the plan is reported to the manager by
    whoever hands over or takes over and says so with --as. Anybody may read the report.
    """
    from handover.follow.report_view import dump_report, print_report, report_page
    from handover.jobs.report import report as report_plan

    found = report_plan(shell.workspace, plan_id)
    reading = _read(shell, found)
    if eml is not None:
        _write_mail(shell, reading, eml)
    plan = found.report.plan
    return Result(
        name="report",
        data={
            "plan": dump_plan(plan, rows=False),
            "report": dump_report(reading),
            "handed_in": found.is_new,
        },
        text=lambda console: print_report(reading, console),
        html=lambda: report_page(reading),
        frame=lambda: _frame(reading),
        warnings=list(_list_notices(shell, found)),
        is_done=found.is_new,
        next=f"handover close {plan.id}" if plan.state == "reported" else None,
        as_of=shell.workspace.as_of,
    )


def _read(shell: Shell, found: "Reported") -> "ReportReading":
    from handover.follow.report_view import ReportReading

    audience = replace(audience_of(shell, found.report.plan.source), mark=shell.mark)
    return ReportReading(
        report=found.report,
        audience=audience,
        zone=shell.workspace.config.zone,
        people=found.people,
    )


def _list_notices(shell: Shell, found: "Reported") -> Iterator[Notice]:
    """Yield that the plan is reported now, or what it takes."""
    from handover.jobs.report import REPORTABLE
    from handover.plan.deciders import list_reporters, name_all
    from handover.plan.naming import name_rows

    plan = found.report.plan
    people = shell.workspace.people(plan.source)
    if found.is_new:
        manager = people.name(plan.manager)
        yield Notice(code="reported", params={"plan": plan.id, "manager": manager})
    elif plan.state in REPORTABLE and found.report.unreported:
        names = name_rows(found.report.unreported)
        yield Notice(code="no_result", params={"accounts": names})
    elif plan.state in REPORTABLE:
        persons = name_all(list_reporters(plan, people), people)
        yield Notice(
            code="to_be_reported", params={"plan": plan.id, "persons": persons}
        )


def _write_mail(shell: Shell, reading: "ReportReading", file: Path) -> None:
    """Write the draft of a mail from whoever reports to the manager."""
    from handover.follow.report_view import report_mail

    plan = reading.report.plan
    made = reading.report.find_decision("report")
    sender = made.by.person_id if made else None
    if sender is None:
        sender = next(iter(plan.successors), None)
    content = report_mail(
        reading,
        sender=_find_box(shell, plan.source, sender),
        manager=_find_box(shell, plan.source, plan.manager),
    )
    with written_to(str(file)):
        replace_private_file(file, content)
    shell.say(shell.words("written: {file}", file=file))


def _find_box(
    shell: Shell, source: str, user: str | None
) -> "tuple[str, Mailbox | None]":
    from handover.paper.mail_file import Mailbox

    people = shell.workspace.people(source)
    person, name = people.user(user), people.name(user)
    if person is None or not person.email:
        return name, None
    return name, Mailbox(name=name, address=person.email)


def _frame(reading: "ReportReading") -> "pd.DataFrame":
    """Return one row for each customer."""
    import pandas as pd

    from handover.follow.report_view import list_customers

    table = list_customers(reading)
    ids = [each.row.account_id for each in reading.report.rows]
    rows = [(key, *row) for key, row in zip(ids, table.rows, strict=True)]
    return pd.DataFrame(rows, columns=["Id", *table.headings])
