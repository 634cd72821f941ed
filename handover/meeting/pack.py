"""A pack: what a successor has to know of one customer, on one or two sheets of paper.

It holds the customer's facts as the CRM has them and what the plan says, no remark
beyond. Before the announcement there is none, unless somebody says why.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from handover.i18n import Phrase
from handover.ledger.states import Mode
from handover.meeting.customer import CustomerFacts
from handover.meeting.errors import NotHandedOver
from handover.plan.model import Plan, Row
from handover.transfer.errors import NotAnnounced

EARLY = "meeting.before_announcement"
"""The kind of event of papers that were made before the announcement."""


@dataclass(frozen=True, kw_only=True)
class Pack:
    """One customer of a plan. ``facts`` is None where the CRM has them no more."""

    plan: Plan
    row: Row
    facts: CustomerFacts | None
    as_of: dt.date
    synced_at: dt.datetime


def check_may_be_known(plan: Plan, today: dt.date) -> None:
    """Refuse papers about a change of people that is still confidential.

    Raises:
        NotAnnounced: the day of the announcement has not come.
    """
    if today < plan.announce:
        remedy = Phrase(text="not-announced:publish")
        raise NotAnnounced(plan=plan.id, announce=plan.announce, remedy=remedy)


def list_rows(plan: Plan, accounts: Collection[str] = ()) -> list[Row]:
    """List the customers that a plan hands over, those who are met first, by time.

    Args:
        plan: with its rows.
        accounts: ids of those wanted; none are all.

    Raises:
        NotHandedOver: the plan leaves a customer out that is wanted.
    """
    rows = [row for row in plan.rows if row.mode is not Mode.EXCLUDE]
    if accounts:
        left_out = {*accounts} - {row.account_id for row in rows}
        if left_out:
            names = [row.account for row in plan.rows if row.account_id in left_out]
            raise NotHandedOver(plan=plan.id, accounts=tuple(names))
        rows = [row for row in rows if row.account_id in accounts]
    return sorted(rows, key=_find_place)


def _find_place(row: Row) -> tuple[dt.date, str, str]:
    if row.visit is None:
        return dt.date.max, "", row.account_id
    return row.visit.date, row.visit.start, row.account_id


def make_packs(
    plan: Plan,
    rows: Iterable[Row],
    customers: Mapping[str, CustomerFacts],
    as_of: dt.date,
    synced_at: dt.datetime,
) -> list[Pack]:
    """Put the packs of some customers of a plan together."""
    return [
        Pack(
            plan=plan,
            row=row,
            facts=customers.get(row.account_id),
            as_of=as_of,
            synced_at=synced_at,
        )
        for row in rows
    ]
