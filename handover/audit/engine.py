"""Running the rules over one source: views in, states and scores out.

A file of rules yields lines, one per judged record or account; ``sums.sql`` and
``score.sql`` alone turn them into states and scores. What a rule measures by comes from
the policy.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa

from handover.mirror.views import Mirror
from handover.policy import GROUPS, Item, Policy

FOLDER = Path(__file__).parent
RULES = (
    "contacts",
    "organisation",
    "purchases",
    "opportunities",
    "interactions",
    "own_items",
)
"""Files of rules, in the order of the groups."""

STATES = (
    "missing",
    "invalid",
    "placeholder",
    "unreadable",
    "stale",
    "ok",
    "unmapped",
    "not_applicable",
)
"""Worst first; what was not judged stands last, so that it is never the worst."""

REACHING = (
    *("contacts.phone", "contacts.mobile", "contacts.email"),
    *("contacts.email_bounced", "contacts.opted_out"),
)
RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "contacts.person": ("contacts.has_left",),
    "contacts.channel": ("contacts.has_left", *REACHING),
    "contacts.preference": ("contacts.has_left", *REACHING),
    "contacts.second_person": ("contacts.has_left", *REACHING),
    "organisation.role": ("contacts.has_left", *REACHING),
    "organisation.decision_maker": ("contacts.has_left",),
    "purchases": ("opportunities.is_won",),
    "opportunities": ("opportunities.is_closed", "opportunities.is_won"),
    "opportunities.next_step": (
        *("opportunities.is_closed", "opportunities.is_won"),
        "opportunities.next_step_date",
    ),
    "opportunities.owner": (
        *("opportunities.is_closed", "opportunities.is_won"),
        "users.is_active",
    ),
    "interactions.recent": (
        *("activities.happened_at", "activities.is_done"),
        "accounts.created_at",
    ),
    "interactions.summary": ("activities.happened_at", "activities.is_done"),
    "interactions.requests": (
        *("requests.is_open", "requests.owner_id"),
        *("accounts.requests_as_of", "users.is_active"),
    ),
}
"""On which columns an item rests beyond those of the policy, by group or item: where
such a cell was put aside, nobody can say that the item is fine, or missing."""

EVIDENCE = 20
"""Records named as evidence of one item."""

SUMS = """
    account_id varchar, position integer, worst item_state, best item_state,
    judged integer, good integer, old integer,
    good_record varchar, bad_records varchar[], good_date date, bad_date date
"""
CELLS_ASIDE = """
    account_id varchar, item varchar, record varchar,
    field varchar, value varchar, is_gate boolean
"""
LINES_ASIDE = "account_id varchar, item varchar, record varchar, is_gate boolean"
ITEMS = """
    select account_id, item, state, quality, rows, rows_ok, records, on_date
    from item_scores inner join items using (position)
"""
ASIDE = """
    select distinct account_id, item, field, value
    from cells_aside
    order by all
"""
COLUMNS = """
    select table_name, column_name, status, list(item order by position) as items
    from item_columns inner join items using (item)
    where not is_proof
    group by all
    order by all
"""

PROOFS: Mapping[str, tuple[str, ...]] = {
    "purchases": ("opportunities.is_won", "orders.*"),
    "opportunities": ("opportunities.is_closed",),
    "interactions": ("activities.*",),
    "interactions.requests": ("requests.is_open",),
}
"""What proves that there is nothing to ask for, by group or item."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the audit of one source found.

    ``accounts``: one row per account with its score, whether it is ready, its groups,
    class and value, by id. ``items``: one row per account and item asked, in no order,
    with state, quality, rows, rows_ok, records and the date of the evidence.
    ``columns``: what could be seen of each item's columns. ``aside``: the cells that
    the sync put aside and on which items rest: account_id, item, field, value.
    """

    source: str
    as_of: dt.date
    policy: Policy
    accounts: pa.Table
    items: pa.Table
    columns: pa.Table
    aside: pa.Table


def audit(mirror: Mirror, policy: Policy, as_of: dt.date) -> Audit:
    """Judge all accounts that the mirror shows.

    Args:
        mirror: one source, perhaps narrowed to some accounts.
        policy: what is asked, and what the rules measure by.
        as_of: the rules' today.
    """
    with _scratch(mirror.con) as con:
        _declare(con, policy)
        values = _values(mirror, policy, as_of)
        for name in ("macros", "classes"):
            _run(con, _text(name), values)
        if mirror.rows("select id from aside limit 1"):
            _run(con, _text("cells_aside"), values)
        for name in RULES:
            _run(con, _summed(_text(name)), {**values, "rule": name})
        _run(con, _text("score"), values)
        return Audit(
            source=mirror.source,
            as_of=as_of,
            policy=policy,
            accounts=mirror.table(_text("accounts")),
            items=mirror.table(ITEMS),
            columns=mirror.table(COLUMNS),
            aside=mirror.table(ASIDE),
        )


@contextmanager
def _scratch(
    con: duckdb.DuckDBPyConnection,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Work in a transaction that leaves nothing behind: committing takes long."""
    con.begin()
    try:
        yield con
    finally:
        con.rollback()


def _declare(con: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Create what the rules read and write apart from the views."""
    states = ", ".join(f"'{state}'" for state in STATES)
    con.execute(f"create type if not exists item_state as enum ({states})")
    con.execute(f"create or replace temp table sums ({SUMS})")
    con.execute(f"create or replace temp table cells_aside ({CELLS_ASIDE})")
    con.execute(f"create or replace temp table lines_aside ({LINES_ASIDE})")
    weights = policy.weights.model_dump()
    _fill(
        con,
        "items",
        [
            {
                "item": item.code,
                "position": position,
                "group_name": item.group,
                "rule": "own_items" if item.is_own else item.group,
                "level": item.level,
                "takes": item.takes,
                "if_none": item.if_none,
                "weight": float(weights[item.level]),
            }
            for position, item in enumerate(policy.enabled)
        ],
    )
    _fill(
        con,
        "group_weights",
        [{"group_name": name, "weight": float(weights[name])} for name in GROUPS],
    )
    _fill(con, "wanted_columns", list(_wanted(policy)))
    _fill(con, "rests", list(_rests(policy)))
    con.execute("alter table items alter if_none type item_state")
    con.execute("alter table items alter position type integer")
    con.execute(_text("sight"))


def _wanted(policy: Policy) -> Iterator[dict[str, object]]:
    """Yield the columns that each item needs, and those that prove it needs none."""
    for item in policy.enabled:
        for column in item.columns:
            yield _column(item, column)
        for column in _proofs(item):
            yield {**_column(item, column), "is_proof": True}


def _rests(policy: Policy) -> Iterator[dict[str, object]]:
    """Yield the columns that each item rests on."""
    for item in policy.enabled:
        more = RESTS_ON.get(item.code) or RESTS_ON.get(item.group, ())
        for column in dict.fromkeys((*item.columns, *(() if item.is_own else more))):
            table, _, name = column.partition(".")
            yield {"item": item.code, "table_name": table, "column_name": name}


def _proofs(item: Item) -> tuple[str, ...]:
    """List the columns that prove that there is nothing to ask for."""
    if item.is_own:
        return ()
    return PROOFS.get(item.code) or PROOFS.get(item.group, ())


def _column(item: Item, column: str) -> dict[str, object]:
    table, _, name = column.partition(".")
    return {
        "item": item.code,
        "table_name": table,
        "column_name": name,
        "is_proof": False,
    }


def _fill(
    con: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, object]]
) -> None:
    # As parameters: an Arrow table made of Python values imports pandas.
    con.execute(
        f"create or replace temp table {name} as "
        "select unnest($rows, recursive := true)",
        {"rows": rows},
    )


def _values(mirror: Mirror, policy: Policy, as_of: dt.date) -> dict[str, object]:
    """Return what the rules measure by, under the names they use."""
    rules, words = policy.audit, policy.placeholders
    large = Decimal(str(rules.large_purchase)) if rules.large_purchase else None
    return {
        **rules.model_dump(),
        **policy.classes.model_dump(),
        "today": as_of,
        "large_purchase": large,
        "placeholders": list(words.words),
        "accepted": list(words.accepted),
        "nobody": words_pattern(words.nobody),
        "deciding": words_pattern(rules.deciding),
        "evidence": EVIDENCE,
        "has_requests": mirror.sees("requests", "*"),
        "has_classes": mirror.sees("accounts", "customer_class"),
        "users_hidden": mirror.hides("users"),
    }


def words_pattern(words: Collection[str]) -> str:
    """Write a regular expression that finds one of the words.

    A Latin word has to stand alone ("info" is not in "Rainford"); Japanese has no gaps
    between words.
    """
    parts = [
        rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word)
        for word in words
    ]
    return "|".join(parts) or r"\A\z\b"


def _summed(rule: str) -> str:
    """Write the statement that adds up the lines of a rule."""
    insert, select = _text("sums").split("\nwith ", 1)
    return f"{insert}\nwith lines as (\n{rule}),\n{select}"


def _run(
    con: duckdb.DuckDBPyConnection, text: str, values: Mapping[str, object]
) -> None:
    for statement in con.extract_statements(text):
        # DuckDB refuses values that a statement does not name.
        used = {name: values[name] for name in statement.named_parameters}
        con.execute(statement, used)


def _text(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
