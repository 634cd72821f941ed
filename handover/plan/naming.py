"""What messages call customers and records: the first names, and a count."""

from collections.abc import Iterable

from handover.i18n import Phrase
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity, Row
from mappings.schema import EXTRA

FIRST = 5
"""So many names a message has; the plan and its page list them all."""


Names = tuple[str | Phrase, ...] | Phrase
"""Names as a message takes them."""


def name_first(names: Iterable[str | Phrase]) -> Names:
    """Return the first names, and how many more there are."""
    listed = tuple(names)
    first, more = listed[:FIRST], len(listed) - FIRST
    if more <= 0:
        return first
    return Phrase(text="{names} and {n} more", params={"names": first, "n": more})


def name_step(step: str) -> Phrase:
    """Return what people call something that is decided."""
    return Phrase(text=f"say:{step}")


def name_rows(rows: Iterable[Row]) -> Names:
    """Return the names of rows' customers, the first ones."""
    return name_first(row.account for row in rows)


def name_by_class(rows: Iterable[Row]) -> tuple[Phrase, ...]:
    """Return the names of rows' customers, key and priority accounts apart.

    Where the CRM has no classes, those are what the policy proposes.
    """
    by_class: dict[str, list[str]] = {"key": [], "priority": [], "other": []}
    for row in rows:
        known = row.customer_class or row.proposed_class or ""
        by_class.get(known, by_class["other"]).append(row.account)
    return tuple(
        Phrase(text=f"named:{code}", params={"names": name_first(names)})
        for code, names in by_class.items()
        if names
    )


def name_opportunity(row: Row, opportunity: PlannedOpportunity) -> str:
    """Return an opportunity's customer, its name, and the id that an edit takes."""
    return name_record(row.account, opportunity.name, opportunity.id)


def list_opportunities(plan: Plan, ids: Iterable[str]) -> list[str]:
    """List some opportunities of a plan as people call them, in its order."""
    wanted = set(ids)
    return [
        name_opportunity(row, opportunity)
        for row in plan.rows
        for opportunity in row.opportunities
        if opportunity.id in wanted
    ]


def name_loose(record: LooseRecord) -> Phrase:
    """Return a record without a customer as people call it, with what it is."""
    return Phrase(
        text="{what} {name}",
        params={
            "what": Phrase(text=f"object:{record.object}"),
            "name": name_record(record.account, record.name, record.id),
        },
    )


def name_record(customer: str | None, name: str | None, record_id: str) -> str:
    """Return a record by its customer and its name, as far as it has them.

    The id stands behind: it is what tells two of the same name apart, and what an
    option takes.
    """
    known = ": ".join(filter(None, (customer, name)))
    return f"{known} ({record_id})" if known else record_id


def name_column(column: str) -> Phrase | str:
    """Return a canonical column as people call it; the company's own by its name."""
    if column.startswith(EXTRA):
        return column.removeprefix(EXTRA)
    return Phrase(text=f"column:{column}")
