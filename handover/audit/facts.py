"""The facts of one account that the items are about, for people to read."""

from typing import Any

from handover.mirror.people import People
from handover.mirror.views import Mirror

Json = dict[str, Any]

QUESTIONS = {
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


def facts_of(mirror: Mirror, people: People) -> dict[str, list[Json]]:
    """Read the facts of the account to which the mirror is narrowed."""
    facts = {name: mirror.rows(question) for name, question in QUESTIONS.items()}
    for row in (row for rows in facts.values() for row in rows):
        if "owner_id" in row:
            row["owner"] = people.name(row["owner_id"]) or None
    return facts
