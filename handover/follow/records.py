"""What somebody owns that is still open, with what is told of each record."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, get_args

from handover.follow.covers import STANDINGS, Cover, Owned, Place, Standing
from handover.mirror.views import Mirror
from handover.transfer.facts import TransferFacts
from handover.transfer.gap_tasks import key_prefix

Kind = Literal["accounts", "opportunities", "requests", "tasks", "events", "contacts"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_DESCRIBED = {
    "accounts": """
        select id, name, url from accounts where id in (select unnest($ids))
    """,
    "opportunities": """
        select id, name, url, amount, close_date as date,
            coalesce(currency, (select currency from settings)) as currency
        from opportunities where id in (select unnest($ids))
    """,
    "requests": """
        select id, subject as name, url, due as date
        from requests where id in (select unnest($ids))
    """,
    "activities": """
        select id, subject as name, url, kind,
            if(kind = 'task', due, happened_on) as date
        from activities where id in (select unnest($ids))
    """,
    "contacts": """
        select id, name, url from contacts where id in (select unnest($ids))
    """,
}
"""By canonical table, what is told of some records."""
_ACCOUNT_NAMES = "select id, name from accounts where id in (select unnest($ids))"
_OUR_TASKS = """
    select
        activities.id,
        activities.handover_key,
        list(distinct account_activities.account_id)
            filter (account_activities.account_id is not null) as accounts
    from activities
    left join account_activities on activities.id = account_activities.activity_id
    where activities.owner_id = $user
        and activities.handover_key is not null
        and not coalesce(activities.is_done, false)
    group by activities.id, activities.handover_key
"""


@dataclass(frozen=True, kw_only=True)
class LeftRecord:
    """One record that somebody still owns; without a ``cover`` nobody takes it.

    ``account``: the customer's name, several where it hangs on several. ``date``: when
    an opportunity closes, a request or task is due, an event takes place.
    """

    source: str
    kind: Kind
    id: str
    name: str | None
    account_id: str | None
    account: str | None
    url: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    date: dt.date | None = None
    cover: Cover | None = None

    @property
    def standing(self) -> Standing:
        """Whether a plan takes care of it."""
        return self.cover.standing if self.cover else "nobody"


def list_owned(mirror: Mirror, facts: TransferFacts, user: str) -> Iterator[Owned]:
    """Yield what somebody owns: what is open, with our own tasks."""
    for account in facts.accounts.values():
        if account.owner_id == user:
            yield Owned(table="accounts", id=account.id, accounts=(account.id,))
    for child in facts.children:
        yield Owned(table=child.table, id=child.id, accounts=child.accounts)
    for row in mirror.rows(_OUR_TASKS, user=user):
        key = row["handover_key"]
        is_about_gaps = key.startswith(key_prefix(mirror.source))
        yield Owned(
            table="activities",
            id=row["id"],
            accounts=tuple(sorted(row["accounts"] or ())),
            plan=None if is_about_gaps else key.split(":")[1],
            is_about_gaps=is_about_gaps,
        )


def read_records(
    mirror: Mirror, owned: Iterable[Owned], covers: Mapping[Place, Cover]
) -> Iterator[LeftRecord]:
    """Yield the records with what is told of them, and the plan that takes each."""
    by_table: dict[str, dict[str, Owned]] = defaultdict(dict)
    for each in owned:
        by_table[each.table][each.id] = each
    hanging = {
        a for found in by_table.values() for e in found.values() for a in e.accounts
    }
    names = {
        row["id"]: row["name"]
        for row in mirror.rows(_ACCOUNT_NAMES, ids=sorted(hanging))
    }
    for table, found in by_table.items():
        for row in mirror.rows(_DESCRIBED[table], ids=sorted(found)):
            each = found[row["id"]]
            kind = _find_kind(table, row)
            customers = [names.get(account) or account for account in each.accounts]
            yield LeftRecord(
                source=mirror.source,
                kind=kind,
                id=each.id,
                name=row["name"],
                account_id=next(iter(each.accounts), None),
                account=", ".join(customers) or None,
                url=row["url"],
                amount=row.get("amount"),
                currency=row.get("currency") if row.get("amount") is not None else None,
                date=row.get("date"),
                cover=_see_dates(kind, row.get("date"), covers.get((table, each.id))),
            )


def _see_dates(kind: Kind, date: dt.date | None, cover: Cover | None) -> Cover | None:
    """Take the successor from an event that is over when the owners change."""
    if kind != "events" or cover is None or cover.on is None or date is None:
        return cover
    return replace(cover, successor_id=None) if date <= cover.on else cover


def _find_kind(table: str, row: Mapping[str, Any]) -> Kind:
    if table == "activities":
        return "tasks" if row["kind"] == "task" else "events"
    return next(kind for kind in KINDS if kind == table)


def by_urgency(record: LeftRecord) -> tuple[object, ...]:
    """Put what nobody takes first, then large amounts, then early days, then names."""
    return (
        KINDS.index(record.kind),
        -STANDINGS.index(record.standing),
        -(record.amount or 0),
        record.date or dt.date.max,
        record.name or "",
        record.id,
    )
