"""What was found in each source, put together; and the facts of one account."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from handover.audit import other_findings
from handover.audit.engine import Audit
from handover.audit.engine import audit as judge
from handover.audit.findings import (
    WORST,
    account_findings,
    count_to_fill_in,
    count_unjudged,
    owner_findings,
    totals,
    worst_ids,
)
from handover.audit.model import (
    AccountFinding,
    AsideFinding,
    AuditReport,
    Orphan,
    OwnerFinding,
    SharedPerson,
    TrendStep,
    UnmanagedChange,
    UnresolvedColumn,
)
from handover.i18n import Words
from handover.mirror.generations import Generation
from handover.mirror.people import People
from handover.mirror.views import Mirror
from handover.policy import Policy

Fact = Mapping[str, object]
"""A row of facts, by column."""


@dataclass(frozen=True, kw_only=True)
class SourceFindings:
    """What the audit of one source found.

    ``gaps`` counts the must-items to fill in, ``unjudged`` those that cannot be judged,
    ``unknown_classes`` the values that the
    mapping does not know. ``unseen``: the items that cannot be judged, ``unmapped`` or
    ``unreadable``, with the columns.
    """

    audit: Audit
    people: People
    accounts: Sequence[AccountFinding]
    owners: Sequence[OwnerFinding]
    orphans: Sequence[Orphan]
    shared_people: Sequence[SharedPerson]
    aside: Sequence[AsideFinding]
    unresolved: Sequence[UnresolvedColumn]
    gaps: int
    unjudged: int
    knows_classes: bool
    knows_who_is_active: bool
    unknown_classes: Mapping[str, int]
    unseen: Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class AuditRequest:
    """Who asks, and for what.

    ``owner_ids`` are those asked for, None for everybody; ``in_full``: the items of all
    accounts, not only of the worst.
    """

    words: Words
    policy: Policy
    owner_ids: Collection[str] | None = None
    in_full: bool = True


def read_source(
    mirror: Mirror,
    asked: AuditRequest,
    people: People,
    answered: Mapping[str, Collection[str]],
) -> SourceFindings:
    """Audit one source.

    Args:
        mirror: the source, perhaps narrowed to some accounts.
        asked: who asks, and for what.
        people: the source's users.
        answered: the items that customers confirmed, by account.
    """
    audit = judge(mirror, asked.policy, mirror.as_of)
    accounts = account_findings(
        audit,
        people,
        asked.words,
        answered=answered,
        only=None if asked.in_full else worst_ids(audit)[:WORST],
    )
    return SourceFindings(
        audit=audit,
        people=people,
        accounts=accounts,
        owners=owner_findings(accounts, people),
        orphans=other_findings.orphans(mirror, asked.owner_ids),
        shared_people=other_findings.shared_people(mirror),
        aside=other_findings.put_aside(mirror, everybody=asked.owner_ids is None),
        unresolved=other_findings.unresolved(mirror),
        gaps=count_to_fill_in(audit),
        unjudged=count_unjudged(audit),
        knows_classes=mirror.sees("accounts", "customer_class"),
        knows_who_is_active=mirror.sees("users", "is_active"),
        unknown_classes=other_findings.unknown_classes(audit),
        unseen=other_findings.unseen_items(audit),
    )


def combine(
    parts: Sequence[SourceFindings],
    generation: Generation,
    policy: Policy,
    *,
    unmanaged: Sequence[UnmanagedChange] | None = None,
    trend: Sequence[TrendStep] | None = None,
) -> AuditReport:
    """Put the findings of all sources together, with what else was asked for."""
    accounts = [account for part in parts for account in part.accounts]
    owners = [owner for part in parts for owner in part.owners]
    return AuditReport(
        policy=policy,
        generation=generation.n,
        totals=totals(
            accounts,
            gaps=sum(part.gaps for part in parts),
            unjudged=sum(part.unjudged for part in parts),
        ),
        accounts=accounts,
        owners=owners,
        orphans=[orphan for part in parts for orphan in part.orphans],
        inactive_owners=other_findings.inactive_owners(owners),
        shared_people=[person for part in parts for person in part.shared_people],
        duplicates=other_findings.duplicates([part.audit for part in parts]),
        unmapped=[row for part in parts for row in other_findings.unmapped(part.audit)],
        rejects=sum(
            int(about.get("rejects") or 0) for about in generation.sources.values()
        ),
        aside=[one for part in parts for one in part.aside],
        unresolved=[column for part in parts for column in part.unresolved],
        unmanaged=unmanaged,
        trend=trend,
    )


# The facts of one account, for ``handover show``


QUESTIONS: Mapping[str, str] = {
    "contacts": """
        select id, name, title, department, role_norm as role, email, phone, mobile,
            preferred_channel, reachable, coalesce(has_left, false) as has_left
        from people
        order by has_left, not reachable, id
    """,
    "purchases": """
        select id, date, product, amount, currency, reason
        from purchases
        order by date desc nulls last, id
    """,
    "opportunities": """
        select id, name, stage, amount, currency, close_date, next_step,
            next_step_date, owner_id
        from open_opportunities
        order by close_date nulls last, id
    """,
    "interactions": """
        select id, on_date, kind, owner_id
        from interactions
        order by moment desc, id desc
        limit 10
    """,
    "requests": """
        select id, subject, opened_on, owner_id
        from open_requests
        order by opened_at nulls last, id
    """,
}


def read_facts(mirror: Mirror, people: People) -> dict[str, list[Fact]]:
    """Read the facts of the account to which the mirror is narrowed, by kind."""
    facts = {name: mirror.rows(question) for name, question in QUESTIONS.items()}
    return {
        name: [
            {**row, "owner": people.name(row["owner_id"]) or None}
            if "owner_id" in row
            else row
            for row in rows
        ]
        for name, rows in facts.items()
    }
