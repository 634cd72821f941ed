"""Calendars: what another program reads in them, and that a later one takes effect."""

import datetime as dt
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import vobject

from handover.paper.calendar_file import Meeting, write_calendar
from handover.paper.mail_file import Mailbox
from tests.worlds.files_folder import PLAN, PLANNED, Job
from tests.worlds.hostile import SAMPLE

GOLDEN = Path(__file__).with_name("golden") / "meeting"
TOKYO = ZoneInfo("Asia/Tokyo")
AT = dt.datetime(2027, 3, 1, 3, 4, 5, tzinfo=dt.UTC)
Event = Any
"""What vobject reads; it has no types."""


def read(content: bytes) -> tuple[Any, dict[str, Event]]:
    """Read a calendar with another library than the one that wrote it."""
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    calendar = vobject.readOne(content.decode("utf-8"))
    events = getattr(calendar, "vevent_list", [])
    found = {event.uid.value: event for event in events}
    assert len(found) == len(events)
    return calendar, found


def exported(job: Job, person: str, *words: str, on: str = PLANNED) -> dict[str, Event]:
    """Export the calendars, and read that of one person."""
    command = ("meeting", "calendar", PLAN, *words, "--as-of", on, "-o", "calendars")
    ended = job.cli(*command)
    assert ended.code == 0, ended.err
    (path,) = (job.folder / "calendars").glob(f"{person}-*.ics")
    assert path.stat().st_mode & 0o777 == 0o600
    _, events = read(path.read_bytes())
    return {uid.split("@")[0].rsplit(".", 1)[1]: e for uid, e in events.items()}


def test_each_person_has_their_visits_with_place_people_and_zone(agreed: Job) -> None:
    events = exported(agreed, "Tanaka")
    assert set(events) == {"A1", "A2", "A3", "A4", "A5", "A6"}
    event = events["A1"]
    assert event.dtstart.value == dt.datetime(2027, 3, 4, 9, 30, tzinfo=TOKYO)
    assert event.dtend.value == dt.datetime(2027, 3, 4, 10, 30, tzinfo=TOKYO)
    assert event.dtstart.params["X-VOBJ-ORIGINAL-TZID"] == ["Asia/Tokyo"]
    assert "青葉商事" in event.summary.value
    assert event.summary.value.startswith("[REHEARSAL]")
    assert event.status.value == "TENTATIVE"
    assert event.organizer.value == "mailto:sato@example.jp"
    people = [(a.params["CN"], a.value) for a in event.attendee_list]
    assert people == [
        (["Sato"], "mailto:sato@example.jp"),
        (["Tanaka"], "mailto:tanaka@example.jp"),
    ]
    text = (agreed.folder / "calendars").iterdir()
    assert [path for path in text if b"03-1234-5678" in path.read_bytes()] == []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_calendar_reads_as_it_is_kept_here(agreed: Job, language: str) -> None:
    exported(agreed, "Tanaka", "--account", "A1", "--lang", language)
    (path,) = (agreed.folder / "calendars").glob("Tanaka-*.ics")
    content = path.read_text(encoding="utf-8").replace("\n ", "")
    shown = re.sub(r"DTSTAMP:\w+", "DTSTAMP:…", content)
    golden = GOLDEN / f"calendar.{language}.ics"
    assert shown == golden.read_text(encoding="utf-8")


def test_a_later_export_changes_the_same_meeting(agreed: Job) -> None:
    before = exported(agreed, "Sato")["A3"]
    edit = ("plan", "edit", PLAN, "--date", "A3=2027-03-11", "--reason", "x")
    assert agreed(*edit, "--as", "M").code == 0
    after = exported(agreed, "Sato")["A3"]
    assert after.uid.value == before.uid.value
    assert int(after.sequence.value) > int(before.sequence.value)
    assert after.dtstart.value.date() == dt.date(2027, 3, 11)
    assert after.status.value == "TENTATIVE"


def test_a_visit_that_does_not_take_place_any_more_is_cancelled(agreed: Job) -> None:
    before = exported(agreed, "Sato")["A3"]
    edit = ("plan", "edit", PLAN, "--inform", "A3", "--reason", "x", "--as", "M")
    assert agreed(*edit).code == 0
    events = exported(agreed, "Sato")
    assert events["A3"].status.value == "CANCELLED"
    assert int(events["A3"].sequence.value) > int(before.sequence.value)
    assert events["A3"].dtstart.value == before.dtstart.value
    others = {key: event.status.value for key, event in events.items() if key != "A3"}
    assert set(others.values()) == {"TENTATIVE"}
    late = exported(agreed, "Sato", on="2027-03-20")
    assert "A3" not in late  # what lies behind is left as it is


def test_what_the_customer_agreed_to_is_confirmed_and_what_they_decline_cancelled(
    agreed: Job,
) -> None:
    before = exported(agreed, "Sato")
    for option, account in (("--agreed", "A1"), ("--declined", "A3")):
        words = ("plan", "edit", PLAN, option, account, "--reason", "x", "--as", "P")
        assert agreed(*words).code == 0
    events = exported(agreed, "Sato")
    states = {key: event.status.value for key, event in events.items()}
    assert (states["A1"], states["A3"], states["A4"]) == (
        *("CONFIRMED", "CANCELLED"),
        "TENTATIVE",
    )
    assert events["A1"].dtstart.value == before["A1"].dtstart.value


def test_who_attends_no_longer_has_it_cancelled(agreed: Job) -> None:
    attend = ("plan", "edit", PLAN, "--attend", "A1", "--as", "M")
    assert agreed(*attend, "--reason", "x").code == 0
    assert exported(agreed, "Suzuki")["A1"].status.value == "TENTATIVE"
    edit = ("plan", "edit", PLAN, "--no-attend", "A1", "--as", "M", "--reason", "x")
    assert agreed(*edit).code == 0
    assert exported(agreed, "Suzuki")["A1"].status.value == "CANCELLED"
    assert exported(agreed, "Sato")["A1"].status.value == "TENTATIVE"


def test_a_plan_that_is_ended_cancels_all_its_visits(agreed: Job) -> None:
    assert agreed("plan", "void", PLAN, "--reason", "x", "--as", "M").code == 0
    events = exported(agreed, "Tanaka")
    assert {event.status.value for event in events.values()} == {"CANCELLED"}
    assert len(events) == 6


def test_there_are_none_before_the_announcement(agreed: Job) -> None:
    early = agreed("meeting", "calendar", PLAN, on="2027-02-20")
    assert (early.code, early.json["error"]["code"]) == (5, "not_announced")
    found = agreed("meeting", "calendar", PLAN, "--account", "A1").data["calendars"]
    assert [each["person_name"] for each in found] == ["Sato", "Tanaka"]
    assert [len(each["meetings"]) for each in found] == [1, 1]


def meeting(name: str = "x", **known: Any) -> Meeting:
    given: dict[str, Any] = {
        "uid": f"{name}@handover",
        "sequence": 1,
        "status": "TENTATIVE",
        "start": dt.datetime(2027, 3, 4, 9, 30),  # noqa: DTZ001 - local, as it says
        "end": dt.datetime(2027, 3, 4, 10, 30),  # noqa: DTZ001
        "summary": name,
        "location": name,
        "description": f"{name}\nend",
        "organizer": Mailbox(name=name, address="sato@example.jp"),
        "attendees": [Mailbox(name=name, address="tanaka@example.jp")],
    }
    return Meeting(**{**given, **known})


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"]
)
def test_other_programs_find_the_moment_in_every_zone(zone: str) -> None:
    own, hour = ZoneInfo(zone), dt.timedelta(hours=1)
    starts = [dt.datetime(2027, month, 14, 9, 30) for month in (2, 5, 8, 12)]  # noqa: DTZ001
    for some in (starts, *([start] for start in starts)):
        meetings = [meeting(str(s), start=s, end=s + hour) for s in some]
        content = write_calendar("x", meetings, own, AT)
        _, events = read(content)
        for start in some:
            found = events[f"{start}@handover"].dtstart.value
            assert found == start.replace(tzinfo=own)
        assert content.count(b"BEGIN:VTIMEZONE") == 1


def test_a_calendar_without_meetings_is_one_still() -> None:
    _, events = read(write_calendar("x", [], TOKYO, AT))
    assert events == {}


def test_no_name_adds_a_line_of_its_own() -> None:
    for name in SAMPLE:
        content = write_calendar(name, [meeting(name, uid="x@handover")], TOKYO, AT)
        calendar, events = read(content)
        (event,) = events.values()
        assert event.sequence.value == "1"
        assert {child.name for child in event.getChildren()} <= {
            *("UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "STATUS", "SUMMARY"),
            *("LOCATION", "DESCRIPTION", "ORGANIZER", "ATTENDEE"),
        }
        assert event.description.value.endswith("\nend")
        assert event.attendee.value == "mailto:tanaka@example.jp"
        names = {child.name for child in calendar.getChildren()}
        assert names <= {
            *("VERSION", "PRODID", "X-WR-CALNAME", "VTIMEZONE", "VEVENT"),
        }
