"""``handover meeting pack``: the papers that people take along to customers."""

from dataclasses import replace

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command


@command(
    "pack",
    example="handover meeting pack 2027-04-sato-tanaka -o packs.html",
    forms=("html",),
    many=True,
)
@click.argument("plan_id", metavar="PLAN")
@click.option("--account", "accounts", multiple=True, metavar="A", help="Only these.")
@click.option(
    "--before-announcement", metavar="T", help="Why it may not wait; recorded."
)
def pack(
    shell: Shell,
    *,
    plan_id: str,
    accounts: tuple[str, ...],
    before_announcement: str | None,
) -> Result:
    """Print what a successor has to know of each customer.

    One or two sheets a customer: five groups with source and date, blanks as blanks.
    -o packs.html is one file, -o FOLDER one file for each customer.
    """
    from handover.jobs.packs import find_packs
    from handover.meeting.pack_view import (
        PackReading,
        dump_pack,
        name_packs,
        pack_page,
        print_packs,
    )

    workspace = shell.workspace
    plan, packs = find_packs(workspace, plan_id, accounts, before_announcement)
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
