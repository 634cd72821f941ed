"""``handover doctor``: check the set-up, each fault with its remedy."""

from typing import TYPE_CHECKING

import click

from connectors.base import same_id
from handover.commands.outcome import Result
from handover.commands.shell import Shell, command
from handover.errors import HandoverError, WrongOrg, worst_code
from handover.i18n import Phrase
from handover.lacks import name_lack
from handover.paper import signs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from connectors.base import Identity
    from handover.doctor import Check

SIGNS = {"ok": signs.GOOD, "warning": signs.DOUBTFUL, "failed": signs.BAD}


@command("doctor", example="handover doctor --fix")
@click.option("--fix", is_flag=True, help="Make what is missing in the CRM.")
def doctor(shell: Shell, *, fix: bool) -> Result:
    """Check the set-up, with remedies."""
    if fix:
        shell.workspace.check_day()
    checks = list(_checks(shell, fix=fix))
    rows = [_row(shell, check) for check in checks]

    def show(console: "Console") -> None:
        for row in rows:
            console.print(f"{SIGNS[row['state']]} {row['detail']}", soft_wrap=True)
            if row["state"] != "ok" and row["remedy"]:
                console.print(f"    → {row['remedy']}", soft_wrap=True)

    return Result(
        name="doctor",
        data={"checks": rows},
        text=show,
        is_done=fix,
        exit_code=worst_code(check.exit_code for check in checks),
    )


def _checks(shell: Shell, *, fix: bool) -> "Iterator[Check]":
    from handover import doctor as checks

    workspace = shell.workspace
    yield from checks.machine()
    yield from checks.folder(workspace.folder)
    yield from checks.rules(workspace.config.policy.file, lambda: workspace.policy)
    for source in workspace.sources():
        yield from _go_on("crm", _source(shell, source, fix=fix))
    if workspace.folder.exists():
        ledger = checks.ledger(lambda: workspace.ledger, workspace.runs_folder)
        yield from _go_on("ledger", ledger)
        mirror = checks.mirror(
            workspace.generation,
            workspace.sources(),
            workspace.now,
            workspace.config.zone,
        )
        yield from _go_on("mirror", mirror)


def _go_on(code: str, found: "Iterable[Check]") -> "Iterator[Check]":
    """Yield checks; what the machine lacks for one of them is the result of the last.

    Raises:
        Exception: a mistake of ours, which no check may hide.
    """
    from handover.doctor import Check

    try:
        yield from found
    except Exception as error:
        lack = name_lack(error)
        if not isinstance(lack, HandoverError) or isinstance(error, HandoverError):
            raise
        yield Check(code=code, state="failed", detail=lack, exit_code=lack.exit_code)


def _source(shell: Shell, source: str, *, fix: bool) -> "Iterator[Check]":
    """Look at one source; its CRM is only asked when all that it needs is there."""
    from functools import partial

    from handover import doctor as checks

    workspace = shell.workspace
    read = partial(workspace.mapping, source)
    found = [
        *checks.mapping(workspace.mapping_name(source), read),
        *checks.secrets(workspace.missing_secrets(source)),
    ]
    yield from found
    if all(check.state == "ok" for check in found):
        connect = partial(workspace.connector, source)
        allow = partial(_allow_fix, shell, source) if fix else None
        yield from checks.crm(source, connect, read(), allow_fix=allow)


def _allow_fix(shell: Shell, source: str, identity: "Identity") -> None:
    """Ask before a production org is changed, as every command that writes does.

    Raises:
        WrongOrg: another org was named.
        ProductionUnconfirmed: nobody agreed.
    """
    from handover.commands.transfer import ask_for_org_name
    from handover.transfer.checks import check_confirmed

    yes, named = shell.options.yes, shell.options.org
    if named and not same_id(named, identity.org_id):
        raise WrongOrg(source=source, expected=named, found=identity.org_id)
    if identity.production and shell.is_interactive and not yes:
        ask_for_org_name(shell, identity)
    else:
        check_confirmed(identity, yes=yes, named=named)


def _row(shell: Shell, check: "Check") -> dict[str, str]:
    words = shell.words
    if isinstance(check.detail, Phrase):
        detail = words.phrase(check.detail)
        remedy = words.phrase(check.remedy) if check.remedy else ""
    else:
        said = words.sentence(check.detail)
        detail, remedy = str(said), said.remedy
    return {
        "code": check.code,
        "state": check.state,
        "detail": detail,
        "remedy": remedy if check.state != "ok" else "",
    }
