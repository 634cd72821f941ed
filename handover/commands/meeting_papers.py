"""``handover meeting pack|mail|calendar``: papers for the meetings with customers."""

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, TypeVar

import click

from handover.commands.options import DAY
from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command

Body = TypeVar("Body", bound=Callable[..., Any])


def takes_customers(body: Body) -> Body:
    """Let a command take a plan, some of its customers, and why it may be early."""
    early = "Why it may not wait; recorded."
    body = click.option("--before-announcement", metavar="T", help=early)(body)
    only = click.option(
        "--account", "accounts", multiple=True, metavar="A", help="Only these."
    )
    return click.argument("plan_id", metavar="PLAN")(only(body))


@command(
    "pack",
    example="handover meeting pack 2027-04-sato-tanaka -o packs.html",
    forms=("html",),
    many=True,
)
@takes_customers
@click.option("--person", metavar="U", help="Only the visits of this person.")
@click.option("--on", "date", type=DAY, metavar="D", help="Which day; else today.")
def pack(
    shell: Shell,
    *,
    plan_id: str,
    accounts: tuple[str, ...],
    before_announcement: str | None,
    person: str | None,
    date: dt.date | None,
) -> Result:
    """Print what a successor has to know of each customer.

    One or two sheets a customer: five groups with source and date, blanks as blanks.
    -o packs.html is one file, -o FOLDER one file for each customer.
    """
    from handover.jobs.meeting_papers import find_packs
    from handover.meeting.pack_view import (
        PackReading,
        dump_pack,
        name_packs,
        pack_page,
        print_packs,
    )

    if person is None and date is not None:
        raise click.UsageError(shell.words("--on belongs to --person."))
    workspace = shell.workspace
    day = (person, date or workspace.as_of) if person is not None else None
    plan, packs = find_packs(workspace, plan_id, accounts, before_announcement, day)
    audience = replace(audience_of(shell, plan.source), mark=shell.mark)
    zone = workspace.config.zone
    readings = [PackReading(pack=p, audience=audience, zone=zone) for p in packs]
    return Result(
        name="meeting",
        data={
            "plan": plan.id,
            "version": plan.version,
            "packs": [dump_pack(reading) for reading in readings],
        },
        text=lambda console: print_packs(plan, readings, audience, console),
        html=lambda: pack_page(readings, audience),
        files=lambda: {
            name: pack_page([reading], audience).encode()
            for name, reading in zip(name_packs(readings), readings, strict=True)
        },
        as_of=workspace.as_of,
    )


@command(
    "mail", example="handover meeting mail 2027-04-sato-tanaka -o mails", many=True
)
@takes_customers
def mail(
    shell: Shell,
    *,
    plan_id: str,
    accounts: tuple[str, ...],
    before_announcement: str | None,
) -> Result:
    """Write drafts of mails to the customers of a plan.

    The predecessor, or the manager where they are absent, thanks and names who follows;
    the successor introduces themself. Nothing is sent: -o FOLDER takes .eml files,
    which a mail program opens as drafts.
    """
    from handover.jobs.meeting_papers import write_mails as write_drafts
    from handover.meeting.mail_view import dump_mail, print_mails, write_mails

    workspace = shell.workspace
    found = write_drafts(
        workspace,
        plan_id,
        accounts,
        before_announcement,
        lambda source: replace(audience_of(shell, source), mark=shell.mark),
    )
    return Result(
        name="meeting",
        data={
            "plan": found.plan.id,
            "version": found.plan.version,
            "mails": [dump_mail(draft) for draft in found.drafts],
            "no_mail": [asdict(each) for each in found.none],
        },
        text=lambda console: print_mails(
            found.plan, found.drafts, found.none, found.audience, console
        ),
        files=lambda: write_mails(found.drafts, found.audience),
        as_of=workspace.as_of,
    )


@command(
    "calendar",
    example="handover meeting calendar 2027-04-sato-tanaka -o calendars",
    many=True,
)
@takes_customers
def calendar(
    shell: Shell,
    *,
    plan_id: str,
    accounts: tuple[str, ...],
    before_announcement: str | None,
) -> Result:
    """Write the visits of a plan as a calendar of each person.

    -o FOLDER takes an .ics file for everybody who attends. To import a later one is to
    change the meetings; those that no longer take place are cancelled.
    """
    from handover.jobs.meeting_papers import write_calendars as write_plan
    from handover.meeting.calendar_view import (
        dump_calendar,
        print_calendars,
        write_calendars,
    )

    workspace = shell.workspace
    found = write_plan(
        workspace,
        plan_id,
        accounts,
        before_announcement,
        lambda source: replace(audience_of(shell, source), mark=shell.mark),
    )
    return Result(
        name="meeting",
        data={
            "plan": found.plan.id,
            "version": found.plan.version,
            "calendars": [dump_calendar(each) for each in found.calendars],
        },
        text=lambda console: print_calendars(
            found.plan, found.calendars, found.audience, console
        ),
        files=lambda: write_calendars(
            found.plan, found.calendars, workspace.config.zone, workspace.now
        ),
        as_of=workspace.as_of,
    )
