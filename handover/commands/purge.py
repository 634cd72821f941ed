"""``handover purge``: erase a person of a customer."""

from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell, command
from handover.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from handover.jobs.purging import Purged


class PurgeUnconfirmed(Refusal):
    """Nobody agreed to erase a person (``contact``)."""

    code = "purge_unconfirmed"


@command(
    "purge", example="handover purge --contact 003A1 --reason 'asked on 12 May' --yes"
)
@click.option("--contact", required=True, metavar="ID", help="The person's id.")
@click.option("--reason", metavar="T", required=True, help="Why.")
def purge(shell: Shell, *, contact: str, reason: str) -> Result:
    """Erase a person from mirror, ledger and run files, for good.

    The CRM is not changed, and papers given out are not either: both are named. The
    next sync leaves the person out. Who decides it is kept, with the reason.
    """
    from handover.jobs.purging import find_contact
    from handover.jobs.purging import purge as erase

    shell.workspace.check_day()
    source, key = find_contact(shell.workspace, contact)
    text = "Erase {contact} for good? It cannot be taken back."
    asked = shell.words(text, contact=f"{source}:{key}")
    agreed = shell.options.yes or (
        shell.is_interactive and click.confirm(asked, err=True)
    )
    if not agreed:
        raise PurgeUnconfirmed(contact=f"{source}:{key}")
    found = erase(shell.workspace, source, key, reason)
    return Result(
        name="purge",
        data={
            "purged": {
                "source": found.source,
                "contact_id": found.contact_id,
                "was_done": found.was_done,
                "counts": found.counts,
                "files": [str(file) for file in found.files],
                "in_crm": [{"table": t, "id": k} for t, k in found.in_crm],
                "left": [str(file) for file in found.left],
            }
        },
        text=lambda console: _print(shell, found, console),
        warnings=list(_list_warnings(found)),
        is_done=not found.was_done,
        as_of=shell.workspace.as_of,
    )


def _print(shell: Shell, found: "Purged", console: "Console") -> None:
    words = shell.words
    if found.was_done:
        console.print(words("Nothing of this person is left here."))
        return
    console.print(
        words("{contact} is erased.", contact=f"{found.source}:{found.contact_id}")
    )
    for name, n in found.counts.items():
        console.print(f"  {words(f'purged:{name}')}: {n}")
    for file in found.files:
        console.print(f"  {file}")
    for table, key in found.in_crm:
        console.print(f"  {words(f'left-in-crm:{table}')} {key}")


def _list_warnings(found: "Purged") -> "Iterator[Notice]":
    """Say what people have to delete themselves."""
    if found.was_done:
        return
    yield Notice(code="purge_papers", params={"n": len(found.files)})
    yield Notice(code="purge_crm", params={"n": len(found.in_crm)})
    if found.left:
        yield Notice(code="purge_left", params={"n": len(found.left)})
