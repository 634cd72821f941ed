"""What a manager does without, to close a handover: one by one, each with a reason."""

from collections.abc import Iterable, Sequence

from handover.errors import AmbiguousName, Refusal, UsageProblem
from handover.follow.open_items import OpenItem
from handover.i18n import Phrase
from handover.plan.decision import Waiver
from handover.plan.errors import ReasonNeeded
from handover.plan.naming import name_first
from mappings.toml_file import nearest


class OpenItems(Refusal):
    """A handover is not closed while something is open (``plan n customers``)."""

    code = "open_items"

    def __init__(self, plan: str, items: Sequence[OpenItem]) -> None:
        """Keep what is open."""
        accounts = dict.fromkeys(each.account for each in items)
        super().__init__(plan=plan, n=len(items), customers=name_first(accounts))
        self.items = tuple(items)


class NothingOpen(UsageProblem):
    """What is to be waived is not open (``given``, ``suggestion``)."""

    code = "nothing_open"


def find_waivers(
    found: Sequence[OpenItem],
    wanted: Iterable[str],
    reason: str | None,
    person_id: str,
) -> list[Waiver]:
    """Find what is to be done without among what is open.

    Args:
        found: what is open.
        wanted: each as it was typed: the customer's name or id, a colon and the item,
            and where the reason is another one than that of all, ``=`` and the reason.
        reason: of all that have none of their own.
        person_id: who decides so.

    Raises:
        NothingOpen: nothing open is called so.
        AmbiguousName: several are, of customers with one name.
        ReasonNeeded: nobody says why.
    """
    waivers = {}
    for text in wanted:
        name, _, own = (part.strip() for part in text.partition("="))
        why = own or (reason or "").strip()
        if not why:
            raise ReasonNeeded(option="--waive")
        each = _find(found, name)
        account_id, item = each.place
        waivers[each.place] = Waiver(
            account_id=account_id, item=item, reason=why, person_id=person_id
        )
    return list(waivers.values())


def spell(each: OpenItem, found: Iterable[OpenItem]) -> str:
    """Write an open item as it is typed to be waived: by name where one has it."""
    doubles = [o for o in found if _name(o) == _name(each) and o.place != each.place]
    return ":".join(each.place) if doubles else _name(each)


def _name(each: OpenItem) -> str:
    return f"{each.account}:{each.item}"


def _find(found: Sequence[OpenItem], text: str) -> OpenItem:
    fitting = [each for each in found if text in (_name(each), ":".join(each.place))]
    if not fitting:
        near = nearest(text, [_name(each) for each in found]) or "-"
        raise NothingOpen(given=text, suggestion=near)
    if len(fitting) > 1:
        candidates = ", ".join(":".join(each.place) for each in fitting)
        kind = Phrase(text="object:accounts")
        raise AmbiguousName(kind=kind, name=text, candidates=candidates)
    return fitting[0]


def check_none_open(
    plan_id: str, found: Iterable[OpenItem], waivers: Iterable[Waiver]
) -> None:
    """Refuse to go on while anything is open that nobody does without.

    Raises:
        OpenItems: there is, and it says what.
    """
    waived = {each.place for each in waivers}
    left = tuple(each for each in found if each.place not in waived)
    if left:
        raise OpenItems(plan_id, left)
