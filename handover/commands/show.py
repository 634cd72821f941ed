"""``handover show``: one account with its facts and evidence."""

from typing import TYPE_CHECKING, Any

import click

from handover.commands.outcome import Result
from handover.commands.shell import Shell, command
from handover.errors import AmbiguousName
from handover.i18n import Phrase
from handover.jobs.narrowing import Chosen, narrow

if TYPE_CHECKING:
    from rich.console import Console

Json = dict[str, Any]


@command("show", example="handover show 東京精機")
@click.argument("account")
def show(shell: Shell, *, account: str) -> Result:
    """Show one account with its evidence.

    ACCOUNT is a name, an id or a CRM address.
    """
    found = _read(shell, account)

    def text(console: "Console") -> None:
        from handover.audit.terminal import print_account

        print_account(found, shell.words, console)

    return Result(
        name="show",
        data={"account": found},
        text=text,
        as_of=shell.workspace.as_of,
    )


def _read(shell: Shell, text: str) -> Json:
    """Audit the account and add the facts that the items are about."""
    from handover.audit.report import facts_of
    from handover.jobs.audit import audit_sources

    workspace = shell.workspace
    narrowed = narrow(workspace, Chosen(names=[text]))
    places = [(source, *own.account_ids) for source, own in narrowed.items()]
    found = [place for place in places if len(place) > 1]
    if len(found) > 1:
        candidates = ", ".join(f"{source}:{account}" for source, account in found)
        raise AmbiguousName(
            kind=Phrase(text="account"), name=text, candidates=candidates
        )
    source, account_id = found[0]
    (part,) = audit_sources(workspace, shell.words, {source: narrowed[source]})
    with workspace.mirror(source, [account_id]) as mirror:
        facts = facts_of(mirror, workspace.people(source))
    return {**part.accounts[0], "facts": facts}
