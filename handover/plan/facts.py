"""What the mirror says about the accounts of a handover.

Reads the views and the audit's scores, judges nothing: the rules stand in
``selection``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from handover.audit.findings import AccountScore
from handover.ledger.states import Mode
from handover.mirror.views import Mirror
from handover.plan.model import LooseRecord, Plan, PutAside
from handover.plan.portfolio import Holding, Portfolio, add_up
from handover.plan.selection import AccountFacts, PlanFacts

LOOSE_SQL = Path(__file__).with_name("loose.sql")
HELD_SQL = Path(__file__).with_name("held.sql")
"""Who owns each account now, and its purchases and open business."""
ASIDE_SQL = Path(__file__).with_name("aside.sql")
LEFT_ALONE = frozenset({"contacts", "activities"})
"""Loose records that stay with the predecessor unless somebody says otherwise."""

_ACCOUNTS = """
    select *, cast(timezone((select zone from settings), created_at) as date) as created
    from accounts where owner_id = $predecessor or list_contains($others, id)
    order by id
"""
_PURCHASES = """
    select
        account_id,
        coalesce(currency, (select currency from settings)) as currency,
        sum(amount) as lifetime,
        max(amount) as largest
    from purchases where amount is not null group by all
"""
_OPPORTUNITIES = """
    select account_id, id, name, owner_id, amount,
        coalesce(currency, (select currency from settings)) as currency
    from open_opportunities order by id
"""
_UNOWNED = """
    select id from aside
    where table_name = 'opportunities' and column_name = 'owner_id' and not whole
"""
_REACHABLE = """
    select account_id, id from people where reachable
    order by account_id, coalesce(is_decision_maker, false) desc, id
"""
_REQUESTS = "select account_id, count(*) as open from open_requests group by all"
_INTERACTIONS = "select account_id, on_date from latest_interactions"
_PARENTS = "select id, parent_id from accounts where parent_id is not null"
_MAPPED = "select table_name, column_name from seen_columns where status = 'mapped'"


Record = Mapping[str, Any]


def read_facts(
    mirror: Mirror,
    predecessor: str,
    scores: Mapping[str, AccountScore],
    others: Collection[str] = (),
) -> PlanFacts:
    """Read what is known of a predecessor's accounts.

    Args:
        mirror: of their source, not narrowed.
        predecessor: their user id.
        scores: of the audit, by account.
        others: accounts to be read as well, whoever owns them now.
    """
    hanging = _Hanging(mirror)
    accounts = _read_records(
        mirror, _ACCOUNTS, predecessor=predecessor, others=[*others, ""]
    )
    return PlanFacts(
        accounts=tuple(
            hanging.describe(record, predecessor, scores.get(record["id"]))
            for record in accounts
        ),
        loose=tuple(_read_loose(mirror, predecessor)),
        aside=tuple(read_aside(mirror, predecessor, others)),
        lifetime=hanging.collect_lifetime(),
        mapped=frozenset(
            (record["table_name"], record["column_name"])
            for record in _read_records(mirror, _MAPPED)
        ),
        portfolios=read_portfolios(mirror),
    )


def read_portfolios(mirror: Mirror) -> dict[str, Portfolio]:
    """Read what everybody owns, by user id."""
    query = f"""
        select owner_id, city, region, industry, customer_class,
            count(*) as accounts, sum(value) as value
        from ({HELD_SQL.read_text(encoding="utf-8")}) as held
        group by all order by all
    """  # noqa: S608 - our own file
    groups: dict[str, list[Holding]] = defaultdict(list)
    for record in _read_records(mirror, query):
        owner = record["owner_id"]
        held = {name: each for name, each in record.items() if name != "owner_id"}
        groups[owner].append(Holding(**held))
    return {owner: add_up(held) for owner, held in groups.items()}


def read_owners(mirror: Mirror, plan: Plan) -> dict[str, str | None]:
    """Read who owns a plan's accounts, and what else the predecessor owns now."""
    accounts = [row.account_id for row in plan.rows]
    records = _read_records(
        mirror, _ACCOUNTS, predecessor=plan.predecessor, others=accounts
    )
    return {record["id"]: record["owner_id"] for record in records}


def read_aside_of(mirror: Mirror, plan: Plan) -> list[PutAside]:
    """List what could not be used of the records that a plan hands over."""
    accounts = [row.account_id for row in plan.rows if row.mode is not Mode.EXCLUDE]
    return read_aside(mirror, plan.predecessor, accounts)


def read_aside(
    mirror: Mirror, predecessor: str, accounts: Collection[str]
) -> list[PutAside]:
    """List what could not be used of the records that a handover concerns.

    Args:
        mirror: of their source, not narrowed.
        predecessor: their user id.
        accounts: those handed over, whoever owns them now.
    """
    query = ASIDE_SQL.read_text(encoding="utf-8")
    return [
        PutAside(
            object=record["table_name"],
            id=record["id"],
            name=record["label"],
            account_id=record["account_id"],
            account=record["account"] or record["account_id"],
            column=record["column_name"],
            field=record["field"],
            value=record["value"],
            reason=record["reason"],
            whole=record["whole"],
            is_open=record["is_open"],
        )
        for record in _read_records(
            mirror, query, predecessor=predecessor, accounts=[*accounts, ""]
        )
    ]


def _read_records(mirror: Mirror, query: str, **values: object) -> list[Record]:
    found: list[Record] = mirror.table(query, **values).to_pylist()
    return found


class _Hanging:
    """What hangs on the accounts of a source, read once."""

    def __init__(self, mirror: Mirror) -> None:
        self._purchases = _group_by_account(_read_records(mirror, _PURCHASES))
        self._opportunities = _group_by_account(_read_records(mirror, _OPPORTUNITIES))
        self._unowned = {r["id"] for r in _read_records(mirror, _UNOWNED)}
        self._reachable = _group_by_account(_read_records(mirror, _REACHABLE))
        self._requests = _group_by_account(_read_records(mirror, _REQUESTS))
        self._latest = _group_by_account(_read_records(mirror, _INTERACTIONS))
        self._parents = {
            r["id"]: r["parent_id"] for r in _read_records(mirror, _PARENTS)
        }

    def collect_lifetime(self) -> dict[str, list[Decimal]]:
        """Collect the lifetime purchases of all who bought, by currency."""
        found: dict[str, list[Decimal]] = defaultdict(list)
        for records in self._purchases.values():
            for record in records:
                if record["lifetime"] > 0:
                    found[record["currency"]].append(record["lifetime"])
        return dict(found)

    def describe(
        self, record: Record, predecessor: str, score: AccountScore | None
    ) -> AccountFacts:
        """Put together what is known of one account."""
        account = record["id"]
        purchases = self._purchases[account]
        opportunities = self._opportunities[account]
        latest = self._latest[account]
        judged: dict[str, Any] = {}
        if score is not None:
            judged = {
                "score": score.score,
                "ready": score.ready,
                "gaps": score.gaps,
                "groups": score.groups,
                "proposed_class": score.proposed_class,
            }
        return AccountFacts(
            source=record["source"],
            account_id=account,
            name=record["name"] or account,
            owner_id=record["owner_id"],
            customer_class=_find_class(record),
            family=self._find_topmost(account),
            region=record["region"],
            city=record["city"],
            industry=record["industry_norm"],
            address=record["address"],
            closed_days=record["closed_days"],
            owner_since=record["owner_since"],
            renewal=record["renewal_date"],
            created=record["created"],
            requests=record["requests_norm"],
            project=record["project_norm"],
            purchases={r["currency"]: r["lifetime"] for r in purchases},
            largest={r["currency"]: r["largest"] for r in purchases},
            open_amounts=_sum_open_amounts(opportunities),
            open_opportunities=len(opportunities),
            opportunities=tuple(
                r["id"]
                for r in opportunities
                if r["owner_id"] == predecessor or r["id"] in self._unowned
            ),
            opportunity_names={r["id"]: r["name"] for r in opportunities if r["name"]},
            open_requests=sum(r["open"] for r in self._requests[account]),
            reachable=tuple(r["id"] for r in self._reachable[account]),
            latest_interaction=latest[0]["on_date"] if latest else None,
            **judged,
        )

    def _find_topmost(self, account: str) -> str:
        """Climb to the topmost company; a circle ends where it began."""
        seen = {account}
        while (parent := self._parents.get(account)) and parent not in seen:
            seen.add(parent)
            account = parent
        return account


def _find_class(record: Record) -> str | None:
    is_known = record["customer_class_state"] == "mapped"
    return record["customer_class"] if is_known else None


def _group_by_account(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record["account_id"]].append(record)
    return found


def _sum_open_amounts(opportunities: Iterable[Record]) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for record in opportunities:
        amounts[record["currency"]] += record["amount"] or 0
    return dict(amounts)


def _read_loose(mirror: Mirror, predecessor: str) -> Iterable[LooseRecord]:
    query = LOOSE_SQL.read_text(encoding="utf-8")
    for record in _read_records(mirror, query, predecessor=predecessor):
        yield LooseRecord(
            object=record["table_name"],
            id=record["id"],
            name=record["label"],
            account_id=record["account_id"],
            account=record["account"],
            action="leave" if record["table_name"] in LEFT_ALONE else None,
        )
