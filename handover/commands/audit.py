"""``handover audit``: measure whether what must be handed over is there."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from handover.commands.shell import Notice, Result, Shell, command
from handover.errors import HandoverError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from handover.commands.workspace import Workspace
    from handover.mirror.views import Mirror

WORST = 15
"""Accounts that the terminal lists; the page and the workbook have all."""
SHOWN = {"table", "html"}

Json = dict[str, Any]


class Gaps(HandoverError):
    """Accounts lack what ``--fail-on`` or ``--min-score`` asks for (``count``)."""

    code = "gaps"
    exit_code = 3


@command("audit", example="handover audit --owner 佐藤 --format html -o audit.html")
@click.option("--owner", "owners", multiple=True, metavar="R", help="Of this owner.")
@click.option("--team", "teams", multiple=True, metavar="T", help="Of this team.")
@click.option("--account", "names", multiple=True, metavar="A", help="This account.")
@click.option("--unmanaged", is_flag=True, help="List owner changes without a plan.")
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
    fail_on: str,
    min_score: float | None,
    **chosen: Any,  # noqa: ANN401 - what collect takes
) -> Result:
    """Measure whether what must be handed over is there."""
    report = collect(shell, **chosen)
    return Result(
        name="audit",
        data=report,
        text=lambda console: _print(shell, console, report),
        html=lambda: _page(shell, report),
        frame=lambda: _frame(report),
        warnings=list(_notices(report)),
        error=_gaps(report, fail_on, min_score),
        next="handover plan new --from PREDECESSOR --to SUCCESSOR",
        as_of=shell.workspace.as_of,
    )


def collect(
    shell: Shell,
    *,
    owners: Sequence[str] = (),
    teams: Sequence[str] = (),
    names: Sequence[str] = (),
    unmanaged: bool = False,
    trend: bool = False,
) -> Json:
    """Audit all sources, narrowed as asked; give the data of the JSON."""
    from handover.audit import findings
    from handover.audit.engine import audit as judge
    from handover.audit.trend import keep, trend_json
    from handover.mirror.changes import unmanaged_changes

    workspace = shell.workspace
    generation, policy = workspace.generation(), workspace.policy
    accounts: list[Json] = []
    owned: list[Json] = []
    parts: dict[str, list[Json]] = {"orphans": [], "unmapped": [], "shared_people": []}
    websites: list[tuple[str, str, str, str]] = []
    narrowed = bool(owners or teams or names)
    for source in generation.sources:
        people = workspace.people(source)
        wanted = _wanted(workspace, source, owners, teams, names) if narrowed else None
        with workspace.mirror(source, accounts=wanted) as mirror:
            found = judge(mirror, policy, workspace.as_of)
            own = findings.accounts_json(
                found, people, shell.words, workspace.confirmed(source)
            )
            accounts += own
            owned += findings.owners_json(own, people)
            websites += _websites(mirror)
            parts["orphans"] += findings.orphans_json(mirror)
            parts["unmapped"] += findings.unmapped_json(found)
            parts["shared_people"] += findings.shared_people(mirror)
        if not narrowed:
            keep(workspace.ledger, generation.n, found, own, people, workspace.now)
    report: Json = {
        "policy": {"version": policy.version, "hash": policy.hash},
        "generation": generation.n,
        "totals": findings.totals(accounts),
        "accounts": accounts,
        "owners": owned,
        **parts,
        "duplicates": findings.duplicates_json(websites),
        "rejects": sum(int(s.get("rejects") or 0) for s in generation.sources.values()),
        "announcements": [
            {**said, "source": source}
            for source, about in generation.sources.items()
            for said in about.get("announcements") or ()
        ],
    }
    with workspace.ledger.read() as connection:
        if unmanaged:
            changes = unmanaged_changes(connection, list(generation.sources))
            report["unmanaged"] = [change.as_json() for change in changes]
        if trend:
            report["trend"] = trend_json(connection)
    return report


def _wanted(
    workspace: "Workspace",
    source: str,
    owners: Sequence[str],
    teams: Sequence[str],
    names: Sequence[str],
) -> list[str]:
    """Name the accounts that are asked for; owners and teams add up, accounts too."""
    from handover.errors import UnknownName
    from handover.mirror.find import find_account, find_user

    people = workspace.people(source)
    # A name that one source does not know may be another's; the last one decides.
    is_last = source == list(workspace.generation().sources)[-1]
    excused = () if is_last else (UnknownName,)
    ids = {person.id for person in people if person.team in teams}
    for text in owners:
        with suppress(*excused):
            ids.add(find_user(people, text).id)
    with workspace.mirror(source) as mirror:
        rows = mirror.rows("select id, owner_id from accounts")
        chosen = {str(row["id"]) for row in rows if row["owner_id"] in ids}
        for text in names:
            with suppress(*excused):
                chosen.add(find_account(mirror, text).id)
    return sorted(chosen)


def _websites(mirror: "Mirror") -> list[tuple[str, str, str, str]]:
    rows = mirror.rows("select id, name, website from accounts order by id")
    return [
        (mirror.source, str(r["id"]), str(r["name"] or ""), str(r["website"] or ""))
        for r in rows
    ]


def _gaps(report: Json, fail_on: str, min_score: float | None) -> Gaps | None:
    from handover.audit.findings import failing

    bad: set[str] = set()
    if fail_on != "never":
        bad |= set(failing(report["accounts"], fail_on))
    if min_score is not None:
        bad |= {
            a["id"]
            for a in report["accounts"]
            if a["score"] is not None and a["score"] < min_score
        }
    return Gaps(count=len(bad)) if bad else None


def _notices(report: Json) -> Iterator[Notice]:
    """Say on top what the numbers do not show."""
    if report["rejects"]:
        yield Notice(code="rejects", params={"count": report["rejects"]})
    for said in report["announcements"]:
        params = {name: value for name, value in said.items() if name != "code"}
        yield Notice(code=said["code"], params=params)
    for status in ("unreadable", "unmapped"):
        columns = [
            f"{u['table_name']}.{u['column_name']}"
            for u in report["unmapped"]
            if u["status"] == status
        ]
        if columns:
            text = ", ".join(dict.fromkeys(columns))
            yield Notice(code=f"columns_{status}", params={"columns": text})
    unknown = [a for a in report["accounts"] if a["customer_class_state"] == "unmapped"]
    if unknown:
        yield Notice(code="class_unmapped", params={"count": len(unknown)})
    if report["orphans"]:
        yield Notice(code="orphans", params={"count": len(report["orphans"])})


def gaps_of(account: Json, level: str = "must") -> list[Json]:
    """List the items of an account that need somebody's work."""
    from handover.audit.findings import TO_FILL_IN

    return [
        item
        for item in account["items"]
        if item["state"] in TO_FILL_IN
        and (level == "should" or item["level"] == "must")
    ]


def _print(shell: Shell, console: "Console", report: Json) -> None:
    from rich.table import Table

    words, totals = shell.words, report["totals"]
    console.print(sentence(shell, report))
    console.print()
    table = Table(box=None, pad_edge=False, title_justify="left")
    for name, justify in (
        ("Owner", "left"),
        ("Accounts", "right"),
        ("Ready", "right"),
        ("Score", "right"),
        ("By value", "right"),
    ):
        table.add_column(words(name), justify=justify)  # type: ignore[arg-type]
    for owner in report["owners"]:
        table.add_row(
            owner["name"] or words("(nobody)"),
            str(owner["accounts"]),
            str(owner["ready"]),
            rounded(owner["score"]),
            rounded(owner["weighted_score"]),
        )
    console.print(table)
    worst = [a for a in report["accounts"] if gaps_of(a)]
    worst.sort(key=lambda a: (a["score"] if a["score"] is not None else 101, a["id"]))
    if not worst:
        return
    console.print()
    table = Table(box=None, pad_edge=False)
    for name in ("Account", "Owner", "Score", "To fill in"):
        table.add_column(words(name))
    for account in worst[:WORST]:
        missing = ", ".join(words(f"item:{i['item']}") for i in gaps_of(account))
        table.add_row(
            account["name"], account["owner"] or "-", rounded(account["score"]), missing
        )
    console.print(table)
    if len(worst) > WORST:
        more = len(worst) - WORST
        console.print(words("... and {n} more: --format html or xlsx", n=more))
    if not totals["accounts"]:
        console.print(words("There are no accounts."))


def sentence(shell: Shell, report: Json) -> str:
    """Say the result in the words that a manager needs (requirements §2)."""
    totals = report["totals"]
    return shell.words(
        "{ready} of {accounts} accounts are ready; the score is {score}.",
        ready=totals["ready"],
        accounts=totals["accounts"],
        score=rounded(totals["score"]),
    )


def rounded(score: float | None) -> str:
    """Write a score for people."""
    return "-" if score is None else f"{score:.0f}"


def _page(shell: Shell, report: Json) -> str:
    from handover.audit.page import render
    from handover.commands.outcome import told

    return render(
        report,
        shell.words,
        shell.workspace.as_of,
        sentence(shell, report),
        [told(notice, shell.words) for notice in _notices(report)],
    )


def _frame(report: Json) -> "pd.DataFrame":
    """Give one row for each account and item."""
    import pandas as pd

    rows = [
        {
            "Id": account["id"],
            "Name": account["name"],
            "OwnerId": account["owner_id"],
            "Owner": account["owner"],
            "Score": account["score"],
            "Ready": account["ready"],
            "Group": item["group"],
            "Item": item["item"],
            "Level": item["level"],
            "State": item["state"],
            "Quality": item["quality"],
            "Evidence": item["evidence"]["text"],
        }
        for account in report["accounts"]
        for item in account["items"]
    ]
    return pd.DataFrame(rows)
