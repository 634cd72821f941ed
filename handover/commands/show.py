"""``handover show``: one account with its facts and evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.shell import Shell, command
from handover.errors import AmbiguousName
from handover.i18n import Phrase
from handover.jobs.narrowing import Chosen, narrow

if TYPE_CHECKING:
    from rich.console import Console

    from handover.audit.model import AccountFinding
    from handover.audit.report import Fact


@command("show", example="handover show 東京精機")
@click.argument("account")
def show(shell: Shell, *, account: str) -> Result:
    """Show one account with its evidence.

    ACCOUNT is a name, an id or a CRM address.
    """
    found, facts = _read(shell, account)

    def text(console: "Console") -> None:
        from handover.audit.terminal import print_account

        policy = shell.workspace.policy
        print_account(found, facts, policy, shell.words, console)

    parts = {field.name: getattr(found, field.name) for field in fields(found)}
    return Result(
        name="show",
        data={"account": {**parts, "facts": facts}},
        text=text,
        as_of=shell.workspace.as_of,
    )


def _read(
    shell: Shell, text: str
) -> "tuple[AccountFinding, Mapping[str, Sequence[Fact]]]":
    """Audit the account and read the facts that the items are about."""
    from handover.audit.report import read_facts
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
        return part.accounts[0], read_facts(mirror, workspace.people(source))
