"""``handover show``: one account with its facts and evidence."""

from typing import TYPE_CHECKING, Any

import click

from handover.commands.shell import Result, Shell, command
from handover.errors import UnknownName

if TYPE_CHECKING:
    from rich.console import Console

    from handover.mirror.views import Mirror

FACTS = {
    "contacts": "select id, name, title, department, email, phone, mobile, reachable, "
    "coalesce(has_left, false) as has_left from people order by id",
    "purchases": "select id, product, date, amount, currency, reason from purchases "
    "order by date desc nulls last, id",
    "opportunities": "select id, name, stage, amount, currency, close_date, next_step, "
    "next_step_date, owner_id from open_opportunities order by id",
    "interactions": "select id, kind, on_date, owner_id from interactions "
    "order by moment desc, id desc limit 10",
    "requests": "select id, subject, owner_id, opened_at from open_requests "
    "order by id",
}
"""What is shown besides the items, as questions to the views of one account."""

SIGNS = {"ok": "○", "stale": "△", "not_applicable": "-"}


@command("show", example="handover show 東京精機")
@click.argument("account")
def show(shell: Shell, *, account: str) -> Result:
    """Show one account with its evidence.

    ACCOUNT is a name, an id or a CRM address.
    """
    source, account_id = _find(shell, account)
    from handover.commands.audit import collect

    report = collect(shell, names=[account_id])
    found = next(a for a in report["accounts"] if a["source"] == source)
    with shell.workspace.mirror(source, accounts=[account_id]) as mirror:
        found["facts"] = _facts(mirror)
    return Result(
        name="show",
        data={"account": found},
        text=lambda console: _print(shell, console, found),
        as_of=shell.workspace.as_of,
    )


def _find(shell: Shell, text: str) -> tuple[str, str]:
    """Find the account in the first source that knows it."""
    from handover.mirror.find import find_account

    sources = list(shell.workspace.generation().sources)
    for source in sources:
        with shell.workspace.mirror(source) as mirror:
            try:
                return source, find_account(mirror, text).id
            except UnknownName:
                if source == sources[-1]:
                    raise
    raise UnknownName(kind="account", name=text, suggestion="-")


def _facts(mirror: "Mirror") -> dict[str, list[dict[str, Any]]]:
    return {name: mirror.rows(query) for name, query in FACTS.items()}


def _print(shell: Shell, console: "Console", account: dict[str, Any]) -> None:
    from rich.table import Table

    from handover.commands.audit import rounded

    words = shell.words
    ready = words("ready") if account["ready"] else words("not ready")
    console.print(f"{account['name']} ({account['id']})  {account['owner'] or '-'}")
    console.print(words("Score {n}, {ready}", n=rounded(account["score"]), ready=ready))
    console.print()
    table = Table(box=None, pad_edge=False)
    for name in ("", "Item", "Level", "State", "Evidence"):
        table.add_column(words(name) if name else "")
    for item in account["items"]:
        table.add_row(
            SIGNS.get(item["state"], "×"),
            words(f"item:{item['item']}"),
            words(item["level"]),
            words(f"state:{item['state']}"),
            item["evidence"]["text"],
        )
    console.print(table)
    for name, rows in account["facts"].items():
        if not rows:
            continue
        console.print()
        table = Table(box=None, pad_edge=False, title=words(name), title_justify="left")
        for column in rows[0]:
            table.add_column(words(column))
        for row in rows:
            table.add_row(*("-" if v is None else str(v) for v in row.values()))
        console.print(table)
