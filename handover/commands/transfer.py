"""``handover plan publish``, ``reassign`` and ``undo``: what writes to a CRM."""

from pathlib import Path

import click

from handover.commands.shell import Result, Shell, command
from handover.commands.transfer_desk import publish_plan, reassign_plan, take_back


@command("publish", example="handover plan publish 2027-04-sato-tanaka --dry-run")
@click.argument("plan")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
@click.option("--before-announcement", metavar="T", help="Why before the announcement.")
def publish(
    shell: Shell, *, plan: str, dry_run: bool, before_announcement: str | None
) -> Result:
    """Put an approved plan into the CRM as tasks."""
    from handover.transfer.prepare import Asked

    _need_words("--before-announcement", before_announcement)
    asked = Asked(org_id=shell.options.org, before_announcement=before_announcement)
    return publish_plan(shell, plan, asked, dry_run=dry_run)


@command("reassign", example="handover reassign 2027-04-sato-tanaka --dry-run")
@click.argument("plan")
@click.option(
    "--rows",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Only the records listed there, an error.csv say; - is stdin.",
)
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
@click.option("--early", metavar="T", help="Why before the effective date.")
@click.option("--allow-large", is_flag=True, help="Exceed the policy's number.")
def reassign(
    shell: Shell,
    *,
    plan: str,
    rows: Path | None,
    dry_run: bool,
    early: str | None,
    allow_large: bool,
) -> Result:
    """Change the owners of approved accounts."""
    from handover.transfer.prepare import Asked
    from handover.transfer.rows_file import read_rows

    _need_words("--early", early)
    asked = Asked(
        org_id=shell.options.org,
        early=early,
        allow_large=allow_large,
        rows=read_rows(rows) if rows else None,
    )
    return reassign_plan(shell, plan, asked, dry_run=dry_run)


@command("undo", example="handover undo last --dry-run")
@click.argument("run")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def undo(shell: Shell, *, run: str, dry_run: bool) -> Result:
    """Take a run back. RUN is its id, or last."""
    return take_back(shell, run, dry_run=dry_run)


def _need_words(option: str, given: str | None) -> None:
    from handover.transfer.errors import ReasonMissing

    if given is not None and not given.strip():
        raise ReasonMissing(option=option)
