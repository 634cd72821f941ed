"""Owners that a rule gives, where the CRM keeps none (design §5).

A rule, not a fact: the generation says so, every audit announces it, and such an owner
cannot be written.
"""

from zoneinfo import ZoneInfo

from handover.mirror.merging import literal
from mappings.model import DerivedOwner

DATES = {
    "opportunities": "coalesce(close_date, cast(timezone({zone}, created_at) as date))",
    "orders": "date",
}
LONG_AGO = "date '0001-01-01'"
"""Where a record without a date stands."""


def derived_owners(
    accounts: str, records: str, source: str, rule: DerivedOwner, zone: ZoneInfo
) -> str:
    """Write the query for all accounts, with the owners of one source by the rule.

    ``latest``: who owns the latest record; of one day, the larger record id.
    ``most``: who owns most records; of equal numbers, whose latest record is later,
    then has the larger id.

    Args:
        accounts: in SQL, the accounts of all sources.
        records: in SQL, the opportunities or orders of all sources.
        source: whose accounts.
        rule: which records count, and how the owner is picked.
        zone: where days begin, for records that only tell when they were made.
    """
    day = DATES[rule.table].format(zone=literal(zone.key))
    latest = f"max(row(coalesce({day}, {LONG_AGO}), id))"
    order = latest if rule.pick == "latest" else f"(count(*), {latest})"
    return f"""select a.* replace (
            case when a.source = {literal(source)} then p.owner_id
            else a.owner_id end as owner_id)
        from {accounts} as a left join (
            select account_id, owner_id from {records}
            where source = {literal(source)} and not coalesce(is_deleted, false)
                and account_id is not null and owner_id is not null
            group by account_id, owner_id
            qualify row_number() over (
                partition by account_id order by {order} desc) = 1
        ) as p on a.id = p.account_id"""
