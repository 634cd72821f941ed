"""Signs that nobody was really asked, each with the words or figures that raised it.

They accuse nobody: a manager looks at them before the handover is closed.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from handover.i18n import Phrase
from handover.meeting.progress import VisitProgress
from handover.plan.model import Plan
from handover.policy import MeetingRules, Policy
from mappings.text import norm


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A sign at one customer; ``why`` has what raised it."""

    code: str
    account_id: str
    why: Phrase


@dataclass(frozen=True, kw_only=True)
class FullDay:
    """What somebody did on a day, and how much a day holds."""

    date: dt.date
    person_id: str
    accounts: tuple[str, ...]
    people: int
    most_visits: int
    most_people: int

    @property
    def is_too_full(self) -> bool:
        """Whether it was more than a day holds."""
        return len(self.accounts) > self.most_visits or self.people > self.most_people


def list_flags(
    plan: Plan, visits: Collection[VisitProgress], policy: Policy, zone: ZoneInfo
) -> list[Flag]:
    """List the signs in what came back of a plan's customers, by customer.

    Args:
        plan: with the dates of the visits.
        visits: what came back of each customer; of all, as some signs lie in many.
        policy: what is too little, too fast, too many.
        zone: where days begin.
    """
    rules = policy.meeting
    found = [
        *(flag for visit in visits for flag in _of_one(plan, visit, rules, zone)),
        *_list_rushed(visits, rules, zone),
        *_list_same_notes(visits, rules),
        *flag_full_days(list_full_days(visits, policy, zone)),
    ]
    order = {row.account_id: n for n, row in enumerate(plan.rows)}
    unique = {(flag.code, flag.account_id): flag for flag in found}
    return sorted(unique.values(), key=lambda f: (order.get(f.account_id, 0), f.code))


def _of_one(
    plan: Plan, visit: VisitProgress, rules: MeetingRules, zone: ZoneInfo
) -> Iterator[Flag]:
    """Yield the signs that one customer's answers show by themselves."""

    def flag(code: str, **params: object) -> Flag:
        why = Phrase(text=f"flag:{code}", params=params)
        return Flag(code=code, account_id=visit.account_id, why=why)

    answered = len({each.item for each in visit.answers})
    phrase = _find_abstract([note.text for note in visit.notes], rules.abstract)
    if phrase and answered < rules.least_items:
        params = {"words": phrase, "answers": answered, "least": rules.least_items}
        yield flag("abstract_talk", **params)
    if (visit.answers or visit.notes) and not visit.found_out:
        yield flag("greeting_only", answers=answered)
    row = plan.row(visit.account_id)
    if row is not None and row.visit is not None and visit.answers:
        first = min(each.at for each in visit.answers).astimezone(zone).date()
        if first < row.visit.date:
            yield flag("before_visit", at=first, visit=row.visit.date)


def _find_abstract(notes: Iterable[str | None], phrases: Collection[str]) -> str | None:
    """Return the first phrase that says nothing in some notes."""
    for note in notes:
        text = norm(note) or ""
        for phrase in phrases:
            if phrase in text:
                return phrase
    return None


def _list_rushed(
    visits: Iterable[VisitProgress], rules: MeetingRules, zone: ZoneInfo
) -> Iterator[Flag]:
    """Yield who was confirmed within so short a time that nobody was asked.

    Where only the day is known, nothing is known of the pace.
    """
    moments: Mapping[str, list[tuple[dt.datetime, str]]] = defaultdict(list)
    for visit in visits:
        for answer in visit.answers:
            if answer.at.astimezone(zone).time() != dt.time():
                moments[answer.recorded_by].append((answer.at, visit.account_id))
    span = dt.timedelta(seconds=rules.rushed_seconds)
    for known in moments.values():
        ordered = sorted(known)
        first = 0
        for last, (moment, _) in enumerate(ordered):
            while moment - ordered[first][0] > span:
                first += 1
            together = {account for _, account in ordered[first : last + 1]}
            if len(together) >= rules.rushed_accounts:
                params = {"accounts": len(together), "seconds": rules.rushed_seconds}
                why = Phrase(text="flag:rushed", params=params)
                for account in sorted(together):
                    yield Flag(code="rushed", account_id=account, why=why)


def _list_same_notes(
    visits: Iterable[VisitProgress], rules: MeetingRules
) -> Iterator[Flag]:
    """Yield whose note stands word by word at other customers too."""
    same: Mapping[tuple[str, str], set[str]] = defaultdict(set)
    for visit in visits:
        for note in visit.notes:
            text = norm(note.text)
            if text:
                same[note.recorded_by, text].add(visit.account_id)
    for (_, text), accounts in same.items():
        if len(accounts) >= rules.same_notes:
            params = {"words": text, "accounts": len(accounts)}
            why = Phrase(text="flag:rushed_note", params=params)
            for account in sorted(accounts):
                yield Flag(code="rushed", account_id=account, why=why)


def list_full_days(
    visits: Iterable[VisitProgress], policy: Policy, zone: ZoneInfo
) -> list[FullDay]:
    """List the days on which somebody met more customers or people than a day holds.

    Whoever recorded an answer was there. In the order of the days.
    """
    days: Mapping[tuple[dt.date, str], dict[str, set[str]]] = defaultdict(dict)
    for visit in visits:
        for answer in visit.answers:
            day = (answer.at.astimezone(zone).date(), answer.recorded_by)
            days[day].setdefault(visit.account_id, set()).add(answer.person)
    found = (
        FullDay(
            date=date,
            person_id=person,
            accounts=tuple(sorted(met)),
            people=sum(map(len, met.values())),
            most_visits=policy.plan.visits,
            most_people=policy.plan.people,
        )
        for (date, person), met in sorted(days.items())
    )
    return [each for each in found if each.is_too_full]


def flag_full_days(days: Iterable[FullDay]) -> Iterator[Flag]:
    """Yield a sign for each customer of days that were too full."""
    for day in days:
        params = {
            "date": day.date,
            "visits": len(day.accounts),
            "people": day.people,
            "most_visits": day.most_visits,
            "most_people": day.most_people,
        }
        why = Phrase(text="flag:over_limit_day", params=params)
        for account in day.accounts:
            yield Flag(code="over_limit_day", account_id=account, why=why)
