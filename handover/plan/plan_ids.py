"""Plan ids that people can read, remember and type: month, predecessor, successors."""

import re
import unicodedata

from handover.mirror.people import People
from handover.plan.build import PlanOrder

NAMED = 4
"""So many people an id names."""
LONGEST = 20
"""So many letters of each."""
TYPED = 6
"""Ids that are no longer are numbers by which a company knows its people."""


def make_id(order: PlanOrder, people: People) -> str:
    """Return ``{month}-sato-suzuki``; ``{month}`` where somebody has no ASCII name.

    A month alone is counted up, ``2026-12-1``; long ids of a CRM are never part of it.
    """
    successors = dict.fromkeys(m.successor_id for m in order.moves if m.successor_id)
    persons = [order.predecessor, *successors][:NAMED]
    names = [_spell(each, people) for each in persons]
    return "-".join(("{month}", *(each for each in names if each and all(names))))


def _spell(user: str, people: People) -> str:
    """Return a user's e-mail address before the @, else their name, else a short id."""
    found = people.user(user)
    mail = (found.email or "").partition("@")[0] if found else ""
    # A name nobody has is shown as the id.
    name = found.name if found and found.name != user else ""
    return _plain(mail) or _plain(name) or (_plain(user) if len(user) <= TYPED else "")


def _plain(text: str) -> str:
    """Return a text as small letters, digits and dashes; empty unless it is ASCII."""
    split = unicodedata.normalize("NFKD", text)
    plain = "".join(char for char in split if not unicodedata.combining(char))
    if not plain.isascii():
        return ""
    return re.sub(r"[^a-z0-9]+", "-", plain.casefold()).strip("-")[:LONGEST].strip("-")
