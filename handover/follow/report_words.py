"""What came of one customer in words: cells of a report, and what is open."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from handover.follow.open_items import OpenItem
from handover.follow.report import ReportRow
from handover.follow.waiving import spell
from handover.ledger.states import Mode
from handover.paper.signs import BAD, DOUBTFUL, GOOD, NOT_GRADED
from handover.plan.decision import Waiver
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience

OWN = frozenset({"visit", "acceptance", "owner"})
"""What can be open besides items of the policy and records."""
SIGNS = {"met": GOOD, "informed": GOOD, "missed": BAD, "gone": BAD, "open": BAD}
RESULTS = ("confirmed", "corrected", "unknown", "not_applicable", "open")


def write_planned(row: ReportRow, audience: Audience) -> str:
    """Write what was to happen with a customer, and when."""
    words, visit = audience.words, row.row.visit
    mode = words(f"mode:{row.row.mode.value}")
    if visit is not None:
        return f"{mode} {audience.short_day(visit.date)} {visit.start}"
    if row.row.mode is Mode.HOLD:
        return f"{mode} {audience.short_day(row.row.until)}"
    return mode


def write_actual(row: ReportRow, audience: Audience) -> str:
    """Write what became of a customer, with a sign, on which days and by whom."""
    sign = SIGNS.get(row.actual, NOT_GRADED)
    if sign == GOOD and not row.is_as_planned:
        sign = DOUBTFUL
    said = f"{sign} {audience.words(f'actual:{row.actual}')}"
    days = [audience.short_day(each) for each in row.held_on]
    names = [audience.person(each) for each in row.told_by]
    return " ".join([said, *days, *names])


def write_items(row: ReportRow, audience: Audience) -> str:
    """Write how many items were answered how, leaving out what there is none of."""
    counts = asdict(row.items)
    said = [
        audience.words(f"items:{name}", n=counts[name])
        for name in RESULTS
        if counts[name]
    ]
    return audience.words(", ").join(said) or NOT_GRADED


def write_word(row: ReportRow, audience: Audience) -> str:
    """Write what the successor says to taking a customer over."""
    if row.word is None:
        return NOT_GRADED
    sign = GOOD if row.accepted else BAD
    return f"{sign} {audience.words(f'word:{row.word.answer}')}"


def list_remarks(
    row: ReportRow, people: Mapping[str, str], audience: Audience
) -> Iterator[str]:
    """Yield what a manager has to know of a customer besides."""
    words = audience.words
    if row.persons:
        known = (people.get(each, each) for each in row.persons)
        yield words("Met: {names}", names=words(", ").join(known))
    for missed in row.missed:
        yield words(
            "Visit missed ({day}): {reason}",
            day=audience.short_day(missed.on),
            reason=missed.reason or "-",
        )
    for flag in row.flags:
        yield words.phrase(flag.why)
    if row.word is not None and row.word.reason:
        yield row.word.reason
    if row.owner_elsewhere is not None:
        owner = audience.person(row.owner_elsewhere)
        yield words("Owner in the CRM, not by this plan: {owner}", owner=owner)
    for waiver in row.waivers:
        yield write_waiver(waiver, audience)


def write_waiver(waiver: Waiver, audience: Audience) -> str:
    """Write what is done without, by whose decision and why."""
    item = write_item(waiver.item, audience)
    said = audience.words("done without: {items}", items=item)
    who = audience.person(waiver.person_id) if waiver.person_id else None
    return ": ".join(filter(None, (said, who, waiver.reason)))


def write_item(item: str, audience: Audience) -> str:
    """Write what is open, as people call it."""
    return audience.words(f"open-item:{item}") if item in OWN else audience.item(item)


def name_item(each: OpenItem, audience: Audience) -> str:
    """Name what is open; records by their id, which is what waives them."""
    if each.kind in ("opportunity", "loose"):
        return each.item
    return write_item(each.item, audience)


def write_customer(each: OpenItem, audience: Audience) -> str:
    """Write whose open item it is; of a record on no customer, what it is."""
    if each.account_id is None:
        return audience.words(f"object:{each.account}")
    return each.account


def write_why(each: OpenItem, audience: Audience) -> str:
    """Write what is lacking, with days as people write them."""
    params = dict(each.why.params)
    if "day" in params:
        params["day"] = audience.short_day(each.why.params["day"])  # type: ignore[arg-type]
    return audience.words(each.why.text, **params)


def group_by_customer(
    found: Iterable[OpenItem], audience: Audience
) -> list[tuple[str, list[OpenItem]]]:
    """Group what is open by customer, with their names, in its order."""
    grouped: dict[str, list[OpenItem]] = {}
    named: dict[str, str] = {}
    for each in found:
        key = each.account_id or each.account
        grouped.setdefault(key, []).append(each)
        named[key] = write_customer(each, audience)
    return [(named[key], ours) for key, ours in grouped.items()]


def group_open(found: Iterable[OpenItem], audience: Audience) -> list[str]:
    """Write what is open at one customer; items that lack the same stand together."""
    grouped: dict[str, list[str]] = {}
    for each in found:
        why = write_why(each, audience)
        grouped.setdefault(why, []).append(name_item(each, audience))
    return [
        audience.words("{names} ({why})", names=audience.words(", ").join(names), why=w)
        for w, names in grouped.items()
    ]


def dump_open(each: OpenItem, audience: Audience) -> dict[str, Any]:
    """Return what is open for JSON."""
    return {
        "kind": each.kind,
        "account_id": each.account_id,
        "account": each.account,
        "item": each.item,
        "why": write_why(each, audience),
    }


def list_to_waive(found: Sequence[OpenItem], audience: Audience) -> PlanList:
    """List what is open line by line, each as it is typed to do without it."""
    words = audience.words
    return PlanList(
        title=words("What is open ({n})", n=len(found)),
        headings=tuple(
            map(words, ("Customer", "Item", "What is lacking", "To do without it"))
        ),
        rows=[
            (
                write_customer(each, audience),
                name_item(each, audience),
                write_why(each, audience),
                f"--waive {shlex.quote(spell(each, found))}",
            )
            for each in found
        ],
        whole=(3,),
    )
