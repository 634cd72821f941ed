"""``handover history``: all that is known of a customer, readable years later."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    import pandas as pd

    from handover.follow.history_view import HistoryReading


@command("history", forms=("csv", "html", "xlsx"), example="handover history 青葉商事")
@click.argument("account")
def history(shell: Shell, *, account: str) -> Result:
    """List who had a customer, and what was planned, said and done.

    ACCOUNT is a name, an id or an address. Customers who are gone from the CRM are
    found by their id or the name that was known last.
    """
    from handover.follow.history_view import (
        HistoryReading,
        dump_history,
        history_page,
        print_history,
    )
    from handover.jobs.history import find_history, find_readers, name_contacts

    workspace = shell.workspace
    found = find_history(workspace, account)
    audience = find_readers(workspace, found.source, shell.words)
    audience = name_contacts(workspace, found, audience)
    reading = HistoryReading(
        history=found,
        audience=replace(audience, mark=shell.mark),
        zone=workspace.config.zone,
    )
    return Result(
        name="history",
        data=dump_history(reading),
        text=lambda console: print_history(reading, console),
        html=lambda: history_page(reading),
        frame=lambda: _frame(reading),
        as_of=workspace.as_of,
    )


def _frame(reading: "HistoryReading") -> "pd.DataFrame":
    """Return one row for each entry."""
    import pandas as pd

    from handover.follow.history_view import dump_history

    columns = {
        "At": "at",
        "Kind": "kind",
        "Text": "text",
        "Who": "who",
        "WhoName": "who_name",
        "Before": "before",
        "After": "after",
        "Plan": "plan",
        "Run": "run",
        "RehearsedOn": "rehearsed_on",
    }
    entries = dump_history(reading)["history"]
    rows = [[_cell(entry[name]) for name in columns.values()] for entry in entries]
    return pd.DataFrame(rows, columns=list(columns))


def _cell(value: object) -> object:
    """Write times as texts: a workbook knows no time zones."""
    return None if value is None else str(value)
