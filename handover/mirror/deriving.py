"""Owners that a rule gives, where the CRM keeps none (design §5).

A rule, not a fact: the generation says so, every audit announces it, and such an owner
cannot be written.
"""

import duckdb

from handover.mirror.merging import literal
from mappings.model import DerivedOwner

DATES = {
    "opportunities": "coalesce(close_date, cast(created_at as date))",
    "orders": "date",
}


def derive_owners(
    con: duckdb.DuckDBPyConnection,
    accounts: str,
    records: str,
    source: str,
    rule: DerivedOwner,
) -> None:
    """Fill the owners of a source's accounts in a DuckDB table.

    ``latest``: who owns the latest record; of one day, the larger record id.
    ``most``: who owns most records; of equal numbers the latest, then the larger id.

    Args:
        con: where the tables are.
        accounts: table to fill, with all rows of the next generation.
        records: table or file of opportunities or orders, likewise.
        source: whose accounts.
        rule: which records count, and how the owner is picked.
    """
    order = "max(day) desc nulls last, max(id) desc"
    if rule.pick == "most":
        order = f"count(*) desc, {order}"
    con.execute(
        f"""create or replace temp table picked as
        select account_id, owner_id from (
            select account_id, owner_id, id, {DATES[rule.table]} as day from {records}
            where source = {literal(source)} and not coalesce(is_deleted, false)
                and account_id is not null and owner_id is not null)
        group by account_id, owner_id
        qualify row_number() over (partition by account_id order by {order}) = 1"""
    )
    con.execute(
        f"""create or replace temp table {accounts} as
        select a.* replace (
            case when a.source = {literal(source)} then p.owner_id
            else a.owner_id end as owner_id)
        from {accounts} as a left join picked as p on a.id = p.account_id"""
    )
