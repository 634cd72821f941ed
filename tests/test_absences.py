"""Absences out of calendar files: who is busy, on which days, and nothing else."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handover.mirror.busy_days import BusyDays, Hours, read_busy_days
from handover.mirror.calendar_events import BadCalendar
from handover.mirror.people import Absence, People, Person
from tests.conftest import Cli
from tests.worlds.planning_folder import NEW, planning_in, rows_of

FIRST, LAST = dt.date(2027, 3, 1), dt.date(2027, 6, 30)
HOURS = Hours(
    spans=((9 * 60, 12 * 60), (13 * 60, 18 * 60)), zone=ZoneInfo("Asia/Tokyo")
)
PEOPLE = People(
    by_id={
        "P": Person(id="P", name="佐藤", email="sato@example.jp"),
        "S": Person(id="S", name="田中", email="tanaka@example.jp"),
    },
    file=Path("people.csv"),
)
SATO = "ATTENDEE:mailto:sato@example.jp"


def event(*lines: str) -> str:
    uid = "" if any(line.startswith("UID") for line in lines) else "UID:x@example\n"
    body = "\n".join(lines)
    head = f"BEGIN:VEVENT\n{uid}SUMMARY:通院\nDTSTAMP:20270101T000000Z\n"
    return f"{head}{body}\nEND:VEVENT\n"


def calendar(*events: str, name: str = "") -> str:
    named = f"X-WR-CALNAME:{name}\n" if name else ""
    head = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n{named}"
    return head + "".join(events) + "END:VCALENDAR\n"


def read(folder: Path, text: str, owner: str | None = None) -> dict[str, BusyDays]:
    file = folder / "f.ics"
    file.write_text(text.replace("\n", "\r\n"), encoding="utf-8")
    found = read_busy_days(file, PEOPLE, HOURS, FIRST, LAST, owner)
    return {each.person_id: each for each in found}


def away(folder: Path, *lines: str) -> list[tuple[str, str]]:
    """When Sato is away by one event, as month and day from and to."""
    found = read(folder, calendar(event(*lines), name="佐藤")).get("P")
    return [
        (f"{each.first:%m-%d}", f"{each.last:%m-%d}")
        for each in (found.away if found else ())
    ]


ALL_DAY = ("DTSTART;VALUE=DATE:20270310", "DTEND;VALUE=DATE:20270313")


def test_all_day_events_last_until_the_day_before_their_end(folder: Path) -> None:
    assert away(folder, *ALL_DAY) == [("03-10", "03-12")]


@pytest.mark.parametrize(
    "free",
    [
        "TRANSP:TRANSPARENT",
        "STATUS:CANCELLED",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "UID:2027-03-p-s.files.A1@handover",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:sato@example.jp",
    ],
)
def test_what_is_free_cancelled_declined_or_our_own_keeps_nobody(
    folder: Path, free: str
) -> None:
    assert away(folder, *ALL_DAY, free) == []


@pytest.mark.parametrize(
    ("start", "end", "is_away"),
    [
        (
            "DTSTART;TZID=Asia/Tokyo:20270310T090000",
            "DURATION:PT5H",
            True,
        ),
        ("DTSTART:20270310T000000Z", "DTEND:20270310T050000Z", True),  # 9 to 14 there
        ("DTSTART:20270310T090000", "DTEND:20270310T140000", True),
        ("DTSTART:20270310T090000", "DTEND:20270310T130000", False),  # 3 of 8 hours
        ("DTSTART:20270310T190000", "DTEND:20270310T230000", False),
        ("DTSTART:20270309T230000Z", "DTEND:20270310T010000Z", False),  # 8 to 10
    ],
)
def test_half_of_the_hours_of_visits_takes_the_day(
    folder: Path, start: str, end: str, *, is_away: bool
) -> None:
    assert away(folder, start, end) == ([("03-10", "03-10")] if is_away else [])


def test_of_other_days_the_time_is_kept_free(folder: Path) -> None:
    lines = ("DTSTART:20270310T110000", "DTEND:20270310T143000")
    found = read(folder, calendar(event(*lines), name="佐藤"))["P"]
    day = dt.date(2027, 3, 10)
    assert found.partly == ((day, (660, 720)), (day, (780, 870)))


def test_recurring_events_take_place_again_and_again(folder: Path) -> None:
    weekly = "RRULE:FREQ=WEEKLY;BYDAY=WE;UNTIL=20270331T235959"
    lines = (
        *("DTSTART;VALUE=DATE:20270303", "DTEND;VALUE=DATE:20270304"),
        *(weekly.replace("T235959", ""), "EXDATE;VALUE=DATE:20270317"),
    )
    assert [first for first, _ in away(folder, *lines)] == [
        *("03-03", "03-10", "03-24", "03-31")
    ]


def test_an_event_of_nobodys_calendar_is_of_who_attends_or_organizes(
    folder: Path,
) -> None:
    organized = event(*ALL_DAY, "ORGANIZER:MAILTO:Tanaka@example.jp", "UID:2@x")
    found = read(folder, calendar(event(*ALL_DAY, SATO), organized, name="部の予定"))
    days = (Absence(first=dt.date(2027, 3, 10), last=dt.date(2027, 3, 12)),)
    assert {person: each.away for person, each in found.items()} == {
        "P": days,
        "S": days,
    }
    assert read(folder, calendar(event(*ALL_DAY)), owner="S").keys() == {"S"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "hello", "BEGIN:VCALENDAR\n", "BEGIN:VEVENT\nEND:VEVENT\n"),
        calendar(event(*ALL_DAY)),  # of nobody
        calendar(event("DTSTART:2027", SATO)),
        calendar(event(*ALL_DAY, "RRULE:FREQ=SOMETIMES", SATO)),
        calendar(event("DTSTART:20270301T000000", "RRULE:FREQ=MINUTELY", SATO)),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(BadCalendar):
        read(folder, text)


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(BadCalendar):
        read_busy_days(folder / "no.ics", PEOPLE, HOURS, FIRST, LAST)


def test_a_plan_keeps_the_days_and_none_of_the_words(
    folder: Path, planning_files: Path, cli: Cli
) -> None:
    plan = planning_in(folder, planning_files, cli)
    before = plan(*NEW).data["plan"]
    day = next(r["visit"]["date"] for r in before["rows"] if r["visit"])
    start = day.replace("-", "")
    text = calendar(event(f"DTSTART;VALUE=DATE:{start}"))
    (folder / "tanaka.ics").write_text(text, encoding="utf-8")
    made = plan(*NEW, "--absences", f"Tanaka={folder / 'tanaka.ics'}")
    kept = [{"person": "S", "first": day, "last": day, "start": None, "end": None}]
    assert made.data["plan"]["absences"] == kept
    visits = [r["visit"] for r in made.data["plan"]["rows"] if r["visit"]]
    assert day not in {visit["date"] for visit in visits}
    key = made.data["plan"]["id"]
    account = next(r["account_id"] for r in made.data["plan"]["rows"] if r["visit"])
    refused = plan("edit", key, "--date", f"{account}={day}", "--as", "M")
    assert refused.json["error"]["code"] == "date_not_free"
    edited = plan("edit", key, "--online", account, "--as", "M")
    assert edited.data["plan"]["absences"] == kept
    assert day not in {
        r["visit"]["date"] for r in rows_of(edited).values() if r["visit"]
    }
    shown = cli("plan", "show", key, "--lang", "ja", "--as-of", "2027-03-01").out
    assert "予定表による不在" in shown
    ledger = (folder / ".handover" / "ledger.sqlite").read_bytes()
    assert "通院".encode() not in ledger


def test_nobody_is_visited_while_somebody_is_in_a_meeting(
    folder: Path, planning_files: Path, cli: Cli
) -> None:
    plan = planning_in(folder, planning_files, cli)
    visits = [r["visit"] for r in plan(*NEW).data["plan"]["rows"] if r["visit"]]
    day = visits[0]["date"].replace("-", "")
    daily = f"DTSTART:{day}T090000\nDTEND:{day}T113000\nRRULE:FREQ=DAILY;COUNT=90"
    file = folder / "meetings.ics"
    file.write_text(calendar(event(daily), name="Tanaka"), encoding="utf-8")
    made = plan(*NEW, "--absences", str(file)).data["plan"]
    again = [row["visit"] for row in made["rows"] if row["visit"]]
    assert len(again) == len(visits)
    assert all(visit["start"] >= "11:30" for visit in again)
    account = next(row["account_id"] for row in made["rows"] if row["visit"])
    moment = f"{account}={visits[0]['date']}T10:00"
    refused = plan("edit", made["id"], "--date", moment, "--as", "M")
    assert refused.json["error"]["code"] == "date_not_free"
    assert "09:00" in str(refused.json["error"])
