"""Signs that nobody was really asked, each with what raised it."""

import datetime as dt
from zoneinfo import ZoneInfo

from handover.answers.confirmations import Confirmation, Outcome
from handover.answers.remarks import Remark
from handover.meeting.flags import list_flags
from handover.meeting.progress import VisitProgress
from handover.plan.model import Plan
from handover.policy_file import load_policy
from tests.worlds.small_company import plan_of, with_opportunity

POLICY = load_policy()
TOKYO = ZoneInfo("Asia/Tokyo")
ITEMS = ("contacts.person", "contacts.channel", "organisation.business")


def plan(count: int = 9) -> Plan:
    return plan_of([with_opportunity(n) for n in range(1, count + 1)])


def noon_after_visits(made: Plan) -> dt.datetime:
    return dt.datetime.combine(made.end, dt.time(20), TOKYO).astimezone(dt.UTC)


def visit(
    account: str, at: dt.datetime, *results: Outcome, note: str | None = None
) -> VisitProgress:
    known = {
        "source": "files",
        "plan_id": "p",
        "account_id": account,
        "at": at,
        "recorded_by": "S",
        "recorded_at": at,
        "actor": "s",
    }
    answers = tuple(
        Confirmation(**known, item=item, result=result, person=f"C{account}")  # type: ignore[arg-type]
        for item, result in zip(ITEMS, results, strict=False)
    )
    notes = [Remark(**known, kind="note", text=note)] if note else []  # type: ignore[arg-type]
    return VisitProgress(account_id=account, answers=answers, remarks=tuple(notes))


def codes(made: Plan, *visits: VisitProgress) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for flag in list_flags(made, visits, POLICY, TOKYO):
        found.setdefault(flag.code, set()).add(flag.account_id)
    return found


def test_three_answers_make_up_for_a_phrase_that_says_nothing() -> None:
    made = plan()
    at = noon_after_visits(made)
    words = "ご挨拶のみ。引き続きよろしくお願いします"
    assert codes(made, visit("A01", at, "confirmed", note=words)) == {
        "abstract_talk": {"A01"}
    }
    three: tuple[Outcome, ...] = ("confirmed", "confirmed", "unknown")
    assert codes(made, visit("A01", at, *three, note=words)) == {}


def test_nothing_found_out_is_a_greeting() -> None:
    made = plan()
    at = noon_after_visits(made)
    assert codes(made, visit("A01", at, "unknown")) == {"greeting_only": {"A01"}}
    assert codes(made, visit("A01", at, "unknown", "corrected")) == {}


def test_an_answer_before_the_visit_is_named() -> None:
    made = plan()
    row = made.row("A01")
    assert row is not None
    assert row.visit is not None
    before = dt.datetime.combine(row.visit.date, dt.time(9), TOKYO) - dt.timedelta(1)
    assert codes(made, visit("A01", before, "confirmed")) == {"before_visit": {"A01"}}


def test_five_customers_in_a_minute_were_not_asked_one_by_one() -> None:
    made = plan()
    at = noon_after_visits(made)
    quick = [
        visit(f"A0{n}", at + dt.timedelta(seconds=10 * n), "confirmed")
        for n in range(1, 6)
    ]
    assert codes(made, *quick)["rushed"] == {each.account_id for each in quick}
    slow = [
        visit(f"A0{n}", at + dt.timedelta(minutes=30 * n), "confirmed")
        for n in range(1, 6)
    ]
    assert "rushed" not in codes(made, *slow)
    day = dt.datetime.combine(made.end, dt.time(), TOKYO) + dt.timedelta(days=1)
    dated = [visit(f"A0{n}", day, "confirmed") for n in range(1, 6)]
    assert "rushed" not in codes(made, *dated)


def test_the_same_note_at_three_customers_was_copied() -> None:
    made = plan()
    at = noon_after_visits(made)
    visits = [
        visit(f"A0{n}", at + dt.timedelta(hours=n), "confirmed", note="伺いました")
        for n in range(1, 4)
    ]
    assert codes(made, *visits)["rushed"] == {"A01", "A02", "A03"}
    assert "rushed" not in codes(made, *visits[:2])


def test_more_customers_than_a_day_holds_are_named() -> None:
    made = plan()
    at = noon_after_visits(made)
    visits = [
        visit(f"A0{n}", at + dt.timedelta(minutes=20 * n), "confirmed")
        for n in range(1, 7)
    ]
    assert codes(made, *visits)["over_limit_day"] == {v.account_id for v in visits}
    assert "over_limit_day" not in codes(made, *visits[:5])
