"""``handover leaver``: what somebody still owns."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from handover.commands.outcome import Result
from handover.commands.shell import Shell, command
from handover.errors import ExitCode, HandoverError
from handover.i18n import Phrase

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from handover.follow.leaver import Leaver
    from handover.follow.leaver_view import LeaverReading
    from handover.follow.records import LeftRecord


class StillNamed(HandoverError):
    """Somebody (``user``) still owns ``records``, or ``plans`` still count on them.

    ``why`` and ``remedy`` are of what has to be done first.
    """

    code = "still_named"
    exit_code = ExitCode.GAPS


@command("leaver", forms=("csv", "html", "xlsx"), example="handover leaver 佐藤健一")
@click.argument("user")
def leaver(shell: Shell, *, user: str) -> Result:
    """List what somebody still owns; exit 3 while anything is left.

    What a plan gives to somebody is listed, too, with that plan. USER is a name, an id
    or an e-mail address. CSV and XLSX have one row for each record.
    """
    from handover.follow.leaver_view import left_page, print_left
    from handover.jobs.leaver import find_leaver

    found = find_leaver(shell.workspace, user)
    readings = [_reading(shell, each) for each in found]

    def text(console: "Console") -> None:
        for n, reading in enumerate(readings):
            if n:
                console.print()
            print_left(reading, console)

    return Result(
        name="leaver",
        data=_dump(readings),
        text=text,
        html=lambda: left_page(readings),
        frame=lambda: _frame(readings),
        error=_still_named(user, found),
        as_of=shell.workspace.as_of,
    )


def _reading(shell: Shell, found: "Leaver") -> "LeaverReading":
    from handover.follow.leaver_view import LeaverReading
    from handover.jobs.plan import find_audience

    workspace = shell.workspace
    audience = find_audience(workspace, found.source, shell.words)
    audience = replace(audience, mark=shell.mark)
    return LeaverReading(leaver=found, audience=audience, zone=workspace.config.zone)


def _still_named(user: str, found: "Sequence[Leaver]") -> StillNamed | None:
    if all(each.is_free for each in found):
        return None
    records = [record for each in found for record in each.records]
    standings = Counter[str](record.standing for record in records)
    worst = ("nobody", "planned", "approved")
    first = next((each for each in worst if standings[each]), "plans")
    naming = [plan for each in found for plan in each.plans]
    plans = {record.cover.plan for record in records if record.cover is not None}
    plans |= {each.plan for each in naming if "predecessor" in each.roles}
    params = {
        "n": standings[first],
        "user": shlex.quote(user),
        "plan": ", ".join(sorted(plans if records else {p.plan for p in naming})),
    }
    remedy = first
    if first == "nobody" and not any(r.kind == "accounts" for r in records):
        remedy = "loose"  # a plan is drawn up for customers
    elif first == "nobody" and plans:
        remedy = "left_out"
    return StillNamed(
        user=found[0].person.name,
        records=len(records),
        plans=sum(len(each.plans) for each in found),
        why=Phrase(text=f"left_because:{first}", params=params),
        remedy=Phrase(text=f"left_remedy:{remedy}", params=params),
    )


def _dump(readings: "Sequence[LeaverReading]") -> dict[str, Any]:
    from handover.follow.covers import STANDINGS
    from handover.follow.leaver_view import list_unknown
    from handover.follow.records import KINDS

    left: dict[str, list[dict[str, Any]]] = {
        kind: [
            _dump_record(record, reading)
            for reading in readings
            for record in reading.leaver.list_of(kind)
        ]
        for kind in KINDS
    }
    left["plans"] = [asdict(plan) for r in readings for plan in r.leaver.plans]
    counts = [reading.counts for reading in readings]
    return {
        "left": left,
        "totals": {
            "records": sum(each.total() for each in counts),
            **{
                standing: sum(each[standing] for each in counts)
                for standing in STANDINGS
            },
        },
        "users": [
            {
                "source": reading.leaver.source,
                "id": reading.leaver.person.id,
                "name": reading.leaver.person.name,
                "is_active": reading.leaver.person.is_active,
                "synced_at": reading.leaver.synced_at,
                "named": asdict(reading.leaver.named),
                "unknown": list(list_unknown(reading)),
            }
            for reading in readings
        ],
    }


def _dump_record(record: "LeftRecord", reading: "LeaverReading") -> dict[str, Any]:
    cover = record.cover
    return {
        **{name: getattr(record, name) for name in ("source", "id", "name")},
        **{name: getattr(record, name) for name in ("account_id", "account", "url")},
        **{name: getattr(record, name) for name in ("amount", "currency", "date")},
        "standing": record.standing,
        "plan": cover.plan if cover else None,
        "plan_state": cover.state if cover else None,
        "in_force": cover.is_in_force if cover else None,
        "successor_id": cover.successor_id if cover else None,
        "successor": (
            reading.audience.name(cover.successor_id)
            if cover and cover.successor_id
            else None
        ),
        "on": cover.on if cover else None,
    }


def _as_cell(value: object) -> object:
    """Let an amount be a number in a workbook."""
    return float(value) if isinstance(value, Decimal) else value


def _frame(readings: "Sequence[LeaverReading]") -> "pd.DataFrame":
    """Return one row for each record."""
    import pandas as pd

    from handover.follow.records import KINDS

    columns = {
        "Source": "source",
        "Id": "id",
        "Name": "name",
        "AccountId": "account_id",
        "Account": "account",
        "Amount": "amount",
        "Currency": "currency",
        "Date": "date",
        "Standing": "standing",
        "Plan": "plan",
        "PlanState": "plan_state",
        "SuccessorId": "successor_id",
        "Successor": "successor",
        "ChangesOn": "on",
        "Url": "url",
    }
    rows = [
        (kind, *(_as_cell(dumped[name]) for name in columns.values()))
        for reading in readings
        for kind in KINDS
        for dumped in (
            _dump_record(record, reading) for record in reading.leaver.list_of(kind)
        )
    ]
    return pd.DataFrame(rows, columns=["Kind", *columns])
