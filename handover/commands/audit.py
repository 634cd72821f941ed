"""``handover audit``: measure whether what must be handed over is there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import click

from handover.commands.outcome import Notice, Result, notice_text
from handover.commands.shell import Shell, command
from handover.errors import ExitCode, HandoverError
from handover.jobs.narrowing import Chosen, narrow

if TYPE_CHECKING:
    import pandas as pd

    from handover.audit.model import AuditReport
    from handover.audit.report import SourceFindings
    from handover.jobs.narrowing import Narrowed


class Gaps(HandoverError):
    """Accounts lack what ``--fail-on`` or ``--min-score`` asks for.

    ``count`` accounts lack an item; ``score`` is what all of them came to.
    """

    code = "gaps"
    exit_code = ExitCode.GAPS


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """What was said of an audit; none of owners, teams and names is all."""

    owners: tuple[str, ...]
    teams: tuple[str, ...]
    names: tuple[str, ...]
    unmanaged: bool
    trend: bool
    fail_on: Literal["must", "should", "never"]
    min_score: float | None


@command(
    "audit",
    forms=("csv", "html", "xlsx"),
    example="handover audit --owner 佐藤 --format html -o audit.html",
)
@click.option("--owner", "owners", multiple=True, metavar="R", help="Of this owner.")
@click.option("--team", "teams", multiple=True, metavar="T", help="Of this team.")
@click.option("--account", "names", multiple=True, metavar="A", help="This account.")
@click.option("--unmanaged", is_flag=True, help="List owner changes without a plan.")
@click.option("--acknowledge", metavar="A", help="Take note of an account's changes.")
@click.option("--reason", metavar="T", help="Why.")
@click.option("--trend", is_flag=True, help="Show how it has developed.")
@click.option(
    "--fail-on",
    type=click.Choice(["must", "should", "never"]),
    default="never",
    help="Exit 3 if an item of this level is lacking.",
)
@click.option("--min-score", type=float, metavar="N", help="Exit 3 below this score.")
def audit(
    shell: Shell,
    *,
    acknowledge: str | None,
    reason: str | None,
    **given: Any,  # noqa: ANN401 - click's options
) -> Result:
    """Measure whether what must be handed over is there.

    CSV and XLSX have one row for each account and item.
    """
    if acknowledge or reason:
        return _acknowledge(shell, acknowledge, reason)
    from handover.audit.page import render
    from handover.audit.terminal import print_audit
    from handover.jobs.audit import audit_sources

    asked = AuditOptions(**given)
    workspace, words = shell.workspace, shell.words
    chosen = Chosen(owners=asked.owners, teams=asked.teams, names=asked.names)
    narrowed = narrow(workspace, chosen) if chosen else None
    parts = audit_sources(
        workspace, words, narrowed, in_full=shell.options.format != "table"
    )
    report = _combined(shell, parts, narrowed, asked)
    notices = list(_notices(shell, parts, report))
    return Result(
        name="audit",
        data=report.as_json(),
        text=lambda console: print_audit(report, words, console),
        html=lambda: render(
            report,
            words,
            workspace.as_of,
            [notice_text(notice, words) for notice in notices],
            shell.mark,
        ),
        frame=lambda: _frame(report),
        warnings=notices,
        error=_gaps(parts, report, asked),
        next="handover plan new --from PREDECESSOR --to SUCCESSOR",
        as_of=workspace.as_of,
    )


def _acknowledge(shell: Shell, text: str | None, reason: str | None) -> Result:
    """Take note of the owner changes of an account, and say of which."""
    from handover.jobs.acknowledging import acknowledge

    words = shell.words
    if not text or not reason:
        raise click.UsageError(words("--acknowledge and --reason belong together"))
    found = acknowledge(shell.workspace, text, reason)
    said = words("{account}: taken note of.", account=found.account)
    return Result(
        name="audit",
        data={"acknowledged": [change.as_json() for change in found.changes]},
        text=lambda console: console.print(said),
        is_done=True,
        as_of=shell.workspace.as_of,
    )


def _combined(
    shell: Shell,
    parts: "Sequence[SourceFindings]",
    narrowed: "dict[str, Narrowed] | None",
    asked: AuditOptions,
) -> "AuditReport":
    from handover.audit.report import combine
    from handover.jobs.audit import read_trend_of, read_unmanaged

    workspace = shell.workspace
    return combine(
        parts,
        workspace.generation(),
        workspace.policy,
        unmanaged=(
            read_unmanaged(workspace, parts, narrowed) if asked.unmanaged else None
        ),
        trend=read_trend_of(workspace, narrowed) if asked.trend else None,
    )


def _gaps(
    parts: "Sequence[SourceFindings]", report: "AuditReport", asked: AuditOptions
) -> Gaps | None:
    from handover.audit.findings import failing
    from handover.audit.terminal import rounded

    score, least = report.totals.score, asked.min_score
    count = 0
    if asked.fail_on != "never":
        count = sum(len(failing(part.audit, asked.fail_on)) for part in parts)
    too_low = least is not None and score is not None and score < least
    return Gaps(count=count, score=rounded(score)) if count or too_low else None


def _notices(
    shell: Shell, parts: "Sequence[SourceFindings]", report: "AuditReport"
) -> Iterator[Notice]:
    """Yield what the numbers do not show; it stands on top of them."""
    if report.rejects:
        yield Notice(code="rejects", params={"count": report.rejects})
    sources = shell.workspace.generation().sources
    for part in parts:
        source = part.audit.source
        for said in sources[source].get("announcements") or ():
            params = {name: value for name, value in said.items() if name != "code"}
            yield Notice(code=said["code"], params={"source": source, **params})
        if part.unknown_classes:
            values = ", ".join(f"{v} ({n})" for v, n in part.unknown_classes.items())
            params = {"source": source, "values": values}
            yield Notice(code="class_unmapped", params=params)
        elif not part.knows_classes:
            yield Notice(code="classes_unknown", params={"source": source})
        if not part.knows_who_is_active:
            yield Notice(code="activity_unknown", params={"source": source})
        yield from _unseen(shell, part)
    for column in report.unresolved:
        params = {field.name: getattr(column, field.name) for field in fields(column)}
        params["examples"] = ", ".join(column.examples)
        yield Notice(code="unresolved", params=params)
    if report.orphans:
        yield Notice(code="orphans", params={"count": len(report.orphans)})


def _unseen(shell: Shell, part: "SourceFindings") -> Iterator[Notice]:
    """Yield the items that cannot be judged, with the columns that could hold them."""
    policy, words = shell.workspace.policy, shell.words
    for status, items in part.unseen.items():
        if items:
            listed = "; ".join(
                f"{policy.item_name(code, words)} ({', '.join(columns)})"
                for code, columns in items.items()
            )
            params = {"source": part.audit.source, "items": listed}
            yield Notice(code=f"items_{status}", params=params)


def _frame(report: "AuditReport") -> "pd.DataFrame":
    """Return one row for each account and item."""
    import pandas as pd

    columns = (
        *("Source", "Id", "Name", "OwnerId", "Owner", "Class", "ProposedClass"),
        *("Score", "Ready"),
        *("Group", "Item", "Level", "State", "Quality", "Rows", "RowsOk"),
        *("Evidence", "Url"),
    )
    rows = [
        (
            *(account.source, account.id, account.name),
            *(account.owner_id, account.owner, account.customer_class),
            *(account.proposed_class, account.score, account.ready),
            *(item.group, item.item, item.level, item.state),
            *(item.quality, item.rows, item.rows_ok),
            *(item.evidence.text, account.url),
        )
        for account in report.accounts
        for item in account.items
    ]
    return pd.DataFrame(rows, columns=list(columns))
