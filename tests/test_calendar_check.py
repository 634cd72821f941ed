"""``meeting check``: days with too many visits, in calendars that others wrote."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import vobject

from handover.meeting.visit_days import KnownCustomer, find_visit_days
from handover.mirror.calendar_events import OURS, Occurrence
from handover.policy_file import load_policy
from tests.test_recording import error
from tests.worlds.files_folder import PLAN, PLANNED, Job

TOKYO = ZoneInfo("Asia/Tokyo")
RULES = load_policy().plan
DAY = dt.date(2027, 3, 10)
BUSY = ("青葉商事様 ご訪問", "Wakaba", "Sakura", "Kaede (online)", "momiji: greeting")


def event(summary: str = "", hour: int = 9, **more: object) -> Occurrence:
    start = dt.datetime.combine(DAY, dt.time(hour), TOKYO)
    said: dict[str, object] = {"start": start, "end": start + dt.timedelta(hours=1)}
    said |= {"persons": frozenset({"P"}), "summary": summary, **more}
    return Occurrence(**said)  # type: ignore[arg-type]


CUSTOMERS = {
    "P": [
        KnownCustomer(id="1", name="株式会社青葉", emails=frozenset({"a@aoba.jp"})),
        KnownCustomer(id="2", name="青葉商事(株)"),
        KnownCustomer(id="3", name="山"),
    ]
}


def found(*events: Occurrence) -> list[tuple[str, str]]:
    days = find_visit_days(events, CUSTOMERS, "files", RULES, TOKYO)
    return [(visit.account_id, visit.how) for visit in days.visits]


def test_an_event_is_a_visit_by_our_mark_by_who_comes_or_by_whom_it_names() -> None:
    ours = event("登山", uid=f"{PLAN}.files.2{OURS}")
    assert found(ours) == [("2", "ours")]
    assert found(event("x", uid=f"{PLAN}.hubspot.2{OURS}")) == []
    assert found(event("定例", emails=("A@x", "a@aoba.jp"))) == [("1", "invited")]
    assert found(event("青葉 商事 訪問")) == [("2", "named")]  # not 青葉 besides
    assert found(event("打合せ", location="東京 青葉本社")) == [("1", "named")]
    assert found(event("登山")) == []  # too short a name to be found in a title
    assert found(event("青葉", persons=frozenset({"S"}))) == []


def test_what_is_no_visit_is_counted_by_why() -> None:
    events = (
        event("青葉商事", is_cancelled=True),
        event("青葉商事", start=DAY, end=DAY + dt.timedelta(days=1)),
        event("青葉商事", is_free=True),
        event("朝会"),
    )
    days = find_visit_days(events, CUSTOMERS, "files", RULES, TOKYO)
    assert (days.visits, days.days) == ([], [])
    assert days.left_out == {"cancelled": 1, "all_day": 1, "free": 1, "no_customer": 1}


def write(*summaries: str) -> Path:
    """Write a calendar with a library that the product does not use."""
    calendar = vobject.iCalendar()
    for n, summary in enumerate(summaries):
        made = calendar.add("vevent")
        made.add("uid").value = f"{n}@elsewhere"
        made.add("summary").value = summary
        start = dt.datetime.combine(DAY, dt.time(n), vobject.icalendar.utc)
        made.add("dtstart").value = start
        made.add("dtend").value = start + dt.timedelta(hours=1)
    path = Path("visits.ics")
    path.write_text(calendar.serialize(), encoding="utf-8")
    return path


def test_a_day_with_more_customers_than_the_policy_allows_is_flagged(
    agreed: Job,
) -> None:
    write(*BUSY, "Sakura again", "team meeting")
    five = agreed("meeting", "check", "visits.ics", "--as", "Sato")
    assert (five.code, five.data["flags"]) == (0, [])
    write(*BUSY, "Midori", "team meeting")
    six = agreed("meeting", "check", "visits.ics", "--as", "Sato")
    assert six.code == 3
    assert {flag["account_id"] for flag in six.data["flags"]} == {
        *("A1", "A2", "A3", "A4", "A5", "A6")
    }
    assert {flag["code"] for flag in six.data["flags"]} == {"over_limit_day"}
    assert "6 customers and 6 people on 2027-03-10" in six.data["flags"][0]["why"]
    (calendar,) = six.data["calendars"]
    assert (calendar["counted"], calendar["not_counted"]) == (
        {"named": 6},
        {"no_customer": 1},
    )
    shown = agreed.cli(
        *("meeting", "check", "visits.ics", "--as", "Sato", "--as-of", PLANNED),
        *("--lang", "ja"),
    )
    assert "6 / 5" in shown.out
    assert "お客様が特定できない 1件" in shown.out
    assert error(agreed("meeting", "check", "visits.ics")) == (2, "bad_calendar")
    nobody = agreed("meeting", "check", "visits.ics", "--as", "Nobody")
    assert error(nobody) == (2, "unknown_name")


def test_what_we_exported_counts_as_the_visits_that_it_is(agreed: Job) -> None:
    words = ("meeting", "calendar", PLAN, "-o", "calendars", "--as-of", PLANNED)
    assert agreed.cli(*words).code == 0
    file = next(Path("calendars").glob("*anaka*.ics"))
    ended = agreed("meeting", "check", str(file), "--as", "Tanaka")
    assert (ended.code, ended.data["flags"]) == (0, [])
    assert ended.data["calendars"][0]["counted"] == {"ours": 6}
