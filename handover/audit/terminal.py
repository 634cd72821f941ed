"""The audit on the terminal: numbers and a sentence, then who, then which accounts."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich.console import Console

from handover.audit.findings import WORST, lacking, worst_first
from handover.audit.model import (
    AccountFinding,
    AsideFinding,
    AuditReport,
    ItemFinding,
    LikelyDuplicates,
    OwnerFinding,
    TrendStep,
    UnmanagedChange,
)
from handover.audit.report import Fact
from handover.i18n import Words
from handover.paper import signs
from handover.paper.dates import number
from handover.paper.table import Table
from handover.policy import Policy

SIGNS = {
    "ok": signs.GOOD,
    "stale": signs.DOUBTFUL,
    "not_applicable": signs.NOT_GRADED,
}

HIDDEN_FACTS = frozenset({"id", "owner_id"})
"""What people do not read; the JSON has it."""


def print_audit(report: AuditReport, words: Words, console: Console) -> None:
    """Print an audit; where owner changes without a plan are asked for, only those.

    Args:
        report: what was found; of the accounts that are not among the worst, items are
            not needed.
        words: the reader's language.
        console: where to.
    """
    if report.unmanaged is not None:
        _print_unmanaged(report.unmanaged, words, console)
        _print_trend(report.trend or (), words, console)
        return
    console.print(headline(report, words))
    if report.totals.unjudged:
        console.print(unjudged(report, words))
    console.print(meaning(report, words))
    if not report.totals.accounts:
        return
    console.print()
    console.print(_owners(report.owners, words))
    worst = worst_first(report.accounts)
    if worst:
        console.print()
        console.print(_worst(worst, report.policy, words))
    if len(worst) > WORST:
        more = len(worst) - WORST
        console.print(words("... and {n} more: --format html or xlsx", n=more))
    _print_proposed(report.accounts, words, console)
    _print_aside(report.aside, words, console)
    _print_duplicates(report.duplicates, words, console)
    _print_trend(report.trend or (), words, console)


def headline(report: AuditReport, words: Words) -> str:
    """Return three numbers: how many are ready, the score, what is to fill in."""
    totals = report.totals
    return words(
        "{ready} of {accounts} accounts are ready, score {score}, "
        "{gaps} must-items to fill in.",
        ready=number(totals.ready, words.language),
        accounts=number(totals.accounts, words.language),
        score=rounded(totals.score),
        gaps=number(totals.gaps, words.language),
    )


def unjudged(report: AuditReport, words: Words) -> str:
    """Return how many must-items are no gaps only because nobody can see them."""
    return words(
        "A further {n} must-items cannot be judged: their fields are not mapped, or "
        "hidden from us.",
        n=number(report.totals.unjudged, words.language),
    )


def meaning(report: AuditReport, words: Words) -> str:
    """Return what the score means, in the sentence that a manager needs."""
    score = report.totals.score
    if score is None:
        return words("There is no score: nothing that is asked applies.")
    return words(
        "{score} means: of the five kinds of information we agreed to hand over, "
        "{score} % is there; anything too old counts half and a placeholder counts "
        "nothing - and 'not ready' names what is missing.",
        score=rounded(score),
    )


def rounded(score: float | None) -> str:
    """Write a score for people; 100 only where nothing is lacking."""
    if score is None:
        return "-"
    return "99" if 99 < score < 100 else f"{score:.0f}"


def _owners(owners: Iterable[OwnerFinding], words: Words) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(words("Owner"))
    table.add_column(words("Team"))
    for name in ("Accounts", "Ready", "Score", "By value"):
        table.add_column(words(name), justify="right")
    for owner in owners:
        name = owner.name or words("(nobody)")
        if owner.id and not owner.is_active:
            name = f"{name} ({words('inactive')})"
        table.add_row(
            name,
            owner.team or "",
            str(owner.accounts),
            str(owner.ready),
            rounded(owner.score),
            rounded(owner.weighted_score),
        )
    return table


def _worst(accounts: Sequence[AccountFinding], policy: Policy, words: Words) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(words("Account"), ratio=2)
    table.add_column(words("Owner"), ratio=1)
    table.add_column(words("Score"), justify="right")
    table.add_column(words("What to fill in"), ratio=4)
    for account in accounts[:WORST]:
        table.add_row(
            account.name,
            account.owner or words("(nobody)"),
            rounded(account.score),
            ", ".join(
                f"{sign_of(item.state)} {policy.item_name(item.item, words)}"
                for item in lacking(account)
            ),
        )
    return table


def sign_of(state: str) -> str:
    """Return the mark of an item's state."""
    return SIGNS.get(state, signs.BAD)


def _print_proposed(
    accounts: Iterable[AccountFinding], words: Words, console: Console
) -> None:
    """Print the classes that the policy proposes where the CRM has none."""
    proposed = [each for each in accounts if each.proposed_class is not None]
    if not proposed:
        return
    proposed.sort(key=lambda each: (each.proposed_class, -each.value, each.id))
    title = words("Proposed classes: managers confirm them in a plan, with --class")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Account", "Proposed class", "Owner"):
        table.add_column(words(name))
    for each in proposed[:WORST]:
        owner = each.owner or words("(nobody)")
        table.add_row(each.name, words(f"class:{each.proposed_class}"), owner)
    console.print()
    console.print(table)
    if len(proposed) > WORST:
        more = len(proposed) - WORST
        console.print(words("... and {n} more: --format html or json", n=more))


def _print_aside(aside: Sequence[AsideFinding], words: Words, console: Console) -> None:
    if not aside:
        return
    title = words("Values that could not be read")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Account", "What", "ID", "Field", "As written"):
        table.add_column(words(name))
    for one in aside[:WORST]:
        table.add_row(
            one.account or "-",
            words(one.table_name),
            one.id or "-",
            words("the whole row") if one.whole else one.field or "-",
            one.value or "-",
        )
    console.print()
    console.print(table)
    if len(aside) > WORST:
        more = len(aside) - WORST
        console.print(words("... and {n} more: --format html or json", n=more))


def _print_duplicates(
    groups: Sequence[LikelyDuplicates], words: Words, console: Console
) -> None:
    if not groups:
        return
    title = words("Likely one customer")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Same", "Account", ""):
        table.add_column(words(name) if name else name)
    for group in groups[:WORST]:
        table.add_row(
            f"{words('same:' + group.by)} {group.value}",
            "; ".join(f"{one.name} ({one.source} {one.id})" for one in group.accounts),
            words("ambiguous") if group.ambiguous else "",
        )
    console.print()
    console.print(table)
    if len(groups) > WORST:
        more = len(groups) - WORST
        console.print(words("... and {n} more: --format html or json", n=more))


def _print_trend(steps: Sequence[TrendStep], words: Words, console: Console) -> None:
    if not steps:
        return
    table = Table(box=None, pad_edge=False, title=words("Trend"), title_justify="left")
    table.add_column(words("As of"))
    table.add_column(words("Owner"))
    for name in ("Accounts", "Ready", "Score"):
        table.add_column(words(name), justify="right")
    for step in steps:
        table.add_row(
            step.as_of,
            step.owner or words("(nobody)"),
            str(step.accounts),
            str(step.ready),
            rounded(step.score),
        )
    console.print()
    console.print(table)


def _print_unmanaged(
    changes: Sequence[UnmanagedChange], words: Words, console: Console
) -> None:
    title = words("Owner changes without a plan")
    if not changes:
        console.print(f"{title}: {words('None.')}")
        return
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Former team", "Account", "Before", "After", "Seen"):
        table.add_column(words(name))
    team: str | None = ""
    for change in changes:
        shown = "" if change.team == team else change.team or words("(no team)")
        team = change.team
        table.add_row(
            shown,
            change.account or change.account_id,
            change.before_name or change.before or words("(nobody)"),
            change.after_name or change.after or words("(nobody)"),
            change.seen_at[:10],
        )
    console.print(table)
    console.print(
        words("Take note of one: handover audit --acknowledge ACCOUNT --reason TEXT")
    )


def print_account(
    account: AccountFinding,
    facts: Mapping[str, Sequence[Fact]],
    policy: Policy,
    words: Words,
    console: Console,
) -> None:
    """Print one account in full: score, items with their evidence, facts."""
    ready = words("ready") if account.ready else words("not ready")
    owner = account.owner or words("(nobody)")
    console.print(f"{account.name} ({account.id})  {owner}")
    if account.customer_class is not None:
        console.print(
            words("class: {name}", name=words(f"class:{account.customer_class}"))
        )
    elif account.proposed_class is not None:
        name = words(f"class:{account.proposed_class}")
        console.print(words("class: {name} (proposed)", name=name))
    said = words("score {n}, {ready}", n=rounded(account.score), ready=ready)
    if account.confirmed is not None:
        share = rounded(100 * account.confirmed)
        said = f"{said}, {words('{n} % confirmed with the customer', n=share)}"
    console.print(said)
    console.print()
    console.print(_items(account.items, policy, words))
    for name, rows in facts.items():
        if rows:
            console.print()
            console.print(_facts(name, rows, words))


def _items(items: Iterable[ItemFinding], policy: Policy, words: Words) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("Item", "Level", "State", "Finding"):
        table.add_column(words(name))
    for item in items:
        table.add_row(
            policy.item_name(item.item, words),
            words(item.level),
            f"{sign_of(item.state)} {words('state:' + item.state)}",
            item.evidence.text,
        )
    return table


def _facts(name: str, rows: Sequence[Fact], words: Words) -> Table:
    title = words(f"facts:{name}")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    columns = [column for column in rows[0] if column not in HIDDEN_FACTS]
    for column in columns:
        table.add_column(words(f"column:{column}"))
    for row in rows:
        table.add_row(*(_said(row[column], words) for column in columns))
    return table


def _said(value: object, words: Words) -> str:
    """Write a fact for people."""
    match value:
        case None:
            return "-"
        case bool():
            return "○" if value else "-"
        case Decimal():
            return number(value, words.language)
        case _:
            return str(value)
