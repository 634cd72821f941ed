"""Somebody's day: whom they visit, what they need for it, and nothing they need not."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, Ended
from tests.worlds.files_folder import PLAN, PLANNED, Job
from tests.worlds.hostile import page_of, squeezed

GOLDEN = Path(__file__).with_name("golden") / "meeting"
KEY_DAY, NEXT_DAY, FREE_DAY = "2027-03-04", "2027-03-05", "2027-03-11"
"""Days of Sato's plan: with the key account, the one after it, and one without."""
PHONE = "03-1234-5678"


def day_of(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended.err
    found: dict[str, Any] = ended.data["day"]
    return found


def show(job: Job, *words: str, on: str = PLANNED) -> dict[str, Any]:
    return day_of(job("plan", "show", *words, on=on))


# What the day holds


def test_a_visit_has_all_that_its_people_need(agreed: Job) -> None:
    (visit,) = show(agreed, PLAN, "--person", "Tanaka", "--on", KEY_DAY)["visits"]
    assert (visit["account"], visit["plan"]) == ("青葉商事", PLAN)
    assert (visit["start"], visit["end"], visit["travel_minutes"]) == (
        *("09:30", "10:30"),
        30,
    )
    roles = [(each["name"], each["role"]) for each in visit["attendees"]]
    assert roles == [("Sato", "predecessor"), ("Tanaka", "successor")]
    (contact,) = visit["contacts"]
    assert (contact["name"], contact["title"]) == ("山田 太郎", "buyer")
    assert contact["phone"] == {"value": PHONE, "trouble": None}
    assert visit["why"]["customer_class"] == "key"
    assert "key account" in visit["why"]["text"]
    talk = visit["last_talk"]
    assert (talk["date"], talk["owner_id"], talk["text"]) == (
        *("2027-02-20", "P"),
        "talked",
    )
    (promise,) = visit["promises"]
    assert (promise["subject"], promise["due"], promise["overdue"]) == (
        *("send the quote", "2027-04-20"),
        False,
    )
    (opportunity,) = visit["opportunities"]
    assert (opportunity["name"], opportunity["amount"]) == ("Renewal", 1000)
    assert visit["gaps"] == []


def test_what_is_overdue_stands_first_and_says_so(agreed: Job) -> None:
    agreed.edit(
        "activities.csv",
        "V1,P,visit",
        "T0,P,task,false,,2027-06-01,A1,later\n"
        "T2,P,task,false,,,A1,some day\n"
        "T3,P,task,true,,2027-01-01,A1,done\n"
        "E1,P,meeting,false,2027-05-20 10:00,,A1,review\n"
        "E2,P,meeting,,2027-05-21 10:00,,A1,fair\n"
        "E3,P,meeting,,2027-05-01 10:00,,A1,held\n"
        "V1,P,visit",
    )
    assert agreed("sync").code == 0
    words = ("plan", "show", "--person", "Tanaka", "--on", KEY_DAY)
    (visit,) = day_of(agreed(*words, on="2027-05-01"))["visits"]
    found = [(p["subject"], p["kind"], p["overdue"]) for p in visit["promises"]]
    assert found == [
        ("send the quote", "task", True),
        ("review", "appointment", False),
        ("fair", "appointment", False),
        ("later", "task", False),
        ("some day", "task", False),
    ]
    assert visit["last_talk"]["text"] == "held"
    text = agreed.cli(*words, "--as-of", "2027-05-01").out
    assert "× overdue since Tue, 20 April 2027" in text
    assert text.count("overdue") == 1


def test_gaps_are_those_of_now_in_words(agreed: Job) -> None:
    words = ("--person", "Tanaka", "--on", NEXT_DAY)
    (before,) = show(agreed, *words)["visits"]
    assert "A person by name" in before["gaps"]
    new = "C3,A3,Kim Lee,buyer,03-1111-2222,P\nC2,A2,"
    agreed.edit("contacts.csv", "C2,A2,", new)
    assert agreed("sync").code == 0
    (after,) = show(agreed, *words)["visits"]
    assert set(before["gaps"]) - set(after["gaps"]) == {
        *("A person by name", "Phone or e-mail", "Title or department")
    }


def test_who_has_left_is_met_no_more(agreed: Job) -> None:
    agreed.edit("contacts.csv", "title,phone,owner_id", "title,phone,owner_id,has_left")
    agreed.edit("contacts.csv", f"buyer,{PHONE},P", f"buyer,{PHONE},P,true")
    agreed.edit("contacts.csv", "森 花子,,,S", "森 花子,,,S,")
    assert agreed("sync").code == 0
    (visit,) = show(agreed, "--person", "Tanaka", "--on", KEY_DAY)["visits"]
    assert visit["contacts"] == []
    text = agreed.cli("plan", "show", "--person", "Tanaka", "--on", KEY_DAY).out
    assert "nobody is named" in text
    assert PHONE not in text


def test_what_else_is_due_stands_beside_the_visits(agreed: Job) -> None:
    agreed.edit(
        "activities.csv",
        "V1,P,visit",
        f"E1,P,meeting,false,{KEY_DAY} 16:00,,A2,board\n"
        f"T4,P,task,false,,{KEY_DAY},A2,expenses\n"
        f"T5,S,task,false,,{KEY_DAY},A2,not theirs\n"
        "V1,P,visit",
    )
    assert agreed("sync").code == 0
    day = show(agreed, PLAN, "--person", "Sato", "--on", KEY_DAY)
    own = [(each["time"], each["subject"], each["account"]) for each in day["own"]]
    assert own == [("16:00", "board", "Wakaba"), (None, "expenses", "Wakaba")]
    assert [each["account"] for each in day["prepare"]] == ["Midori"]
    asked = {(each["purpose"], each["account"]) for each in day["tasks"]}
    assert asked == {("gaps", "Kaede")}


def test_what_was_done_of_the_handover_is_not_asked_again(agreed: Job) -> None:
    words = ("--person", "Sato", "--on", KEY_DAY)
    assert agreed("plan", "publish", PLAN).code == 0
    (task,) = show(agreed, *words)["tasks"]
    path = agreed.export / "handover_tasks.csv"
    lines = path.read_text("utf-8-sig").splitlines()
    key = f":{task['account_id']}:gaps:"
    done = [
        line.replace(",false,", ",true,") if key in line else line for line in lines
    ]
    assert done != lines
    path.write_text("\n".join(done) + "\n", "utf-8-sig")
    assert agreed("sync").code == 0
    assert show(agreed, *words)["tasks"] == []


# Which plans count, and clear answers where there is nothing


def test_a_day_holds_the_visits_of_all_plans(agreed: Job) -> None:
    new = ("plan", "new", "--from", "Tanaka", "--to", "Sato", "--start", KEY_DAY)
    other = agreed(*new, "--end", "2027-03-12").data["plan"]
    (row,) = other["rows"]
    edit = ("--meet", "B1", "--date", f"B1={KEY_DAY}", "--reason", "x", "--as", "M")
    assert agreed("plan", "edit", other["id"], *edit).code == 0, row
    at = ("--person", "Tanaka", "--on", KEY_DAY)
    assert [v["account"] for v in show(agreed, *at)["visits"]] == ["青葉商事"]
    both = show(agreed, other["id"], *at)["visits"]
    assert [v["account"] for v in both] == ["青葉商事", "Tanaka's own"]
    assert [v["plan_state"] for v in both] == ["approved", "draft"]
    assert agreed("plan", "submit", other["id"], "--as", "S").code == 0
    assert [v["plan_state"] for v in show(agreed, *at)["visits"]] == [
        *("approved", "submitted")
    ]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_empty_day_says_when_there_are_visits(agreed: Job, language: str) -> None:
    day = show(agreed, "--person", "Tanaka", "--on", FREE_DAY)
    assert (day["visits"], day["works"]) == ([], True)
    assert day["elsewhere"] == ["2027-03-12", "2027-03-10"]
    words = ("plan", "show", "--person", "Tanaka", "--on", FREE_DAY)
    text = agreed.cli(*words, "--as-of", PLANNED, "--lang", language).out
    said = {
        "en": ["No visits on this day", "Fri, 12 March 2027", "Wed, 10 March 2027"],
        "ja": ["面会はありません", "2027年3月12日(金)", "2027年3月10日(水)"],
    }
    assert [each for each in said[language] if each not in text] == []
    closed = show(agreed, "--person", "Tanaka", "--on", "2027-03-06")
    assert closed["works"] is False


def test_who_has_no_part_in_the_plan_is_told_who_has(agreed: Job) -> None:
    ended = agreed("plan", "show", PLAN, "--person", "Ito", "--on", KEY_DAY)
    assert (ended.code, ended.json["error"]["code"]) == (2, "not_of_plan")
    message = ended.json["error"]["message"]
    assert "Ito" in message
    assert "Sato / Suzuki / Tanaka" in message
    assert "--person Ito" in ended.json["error"]["hint"]
    assert show(agreed, "--person", "Ito", "--on", KEY_DAY)["visits"] == []


def test_whom_nobody_knows_is_told(agreed: Job) -> None:
    ended = agreed("plan", "show", "--person", "Nobody", "--on", KEY_DAY)
    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_name")


@pytest.mark.parametrize(
    "words",
    [
        (PLAN, "--on", KEY_DAY),
        (PLAN, "--person", "Tanaka", "--changes"),
        (PLAN, "--person", "Tanaka", "--reorganisation", "x"),
        (),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    agreed: Job, words: tuple[str, ...]
) -> None:
    ended = agreed("plan", "show", *words)
    assert (ended.code, ended.json["error"]["code"]) == (2, "usage")


def test_without_a_day_it_is_that_of_today(agreed: Job) -> None:
    day = show(agreed, "--person", "Tanaka", on=KEY_DAY)
    assert day["date"] == KEY_DAY
    assert len(day["visits"]) == 1


# How it is shown


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_day_reads_as_it_is_kept_here(agreed: Job, language: str) -> None:
    words = ("plan", "show", "--person", "Sato", "--on", KEY_DAY, "--lang", language)
    ended = agreed.cli(*words, "--as-of", PLANNED)
    golden = GOLDEN / f"day.{language}.txt"
    shown = [line.rstrip() for line in ended.out.splitlines()]
    assert shown == golden.read_text(encoding="utf-8").splitlines()


def test_page_and_spreadsheet_say_what_the_terminal_says(agreed: Job) -> None:
    words = ("plan", "show", "--person", "Sato", "--on", KEY_DAY, "--as-of", PLANNED)
    page = page_of(agreed.cli(*words, "--format", "html").out)
    text = agreed.cli(*words).out
    assert PHONE in page.text
    said = [part for line in text.splitlines() for part in line.split()]
    assert [part for part in said if part not in squeezed(page.text) + "Plan"] == []
    header, row = agreed.cli(*words, "--format", "csv").out.splitlines()[:2]
    assert "To meet" in header
    assert PHONE in row


def test_a_number_goes_to_whoever_asked_and_nowhere_else(agreed: Job) -> None:
    words = ("plan", "show", "--person", "Sato", "--on", KEY_DAY)
    ended = agreed.cli(*words, "-v", "--as-of", PLANNED)
    assert PHONE in ended.out
    assert PHONE not in ended.err
    ledger = agreed.folder / ".handover" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as raw:
        kept = "\n".join(raw.iterdump())
    assert "Midori" in kept
    assert PHONE not in kept


# The plan itself


def test_the_plan_on_paper_names_whom_to_meet_and_how(agreed: Job) -> None:
    words = ("plan", "show", PLAN, "--as-of", PLANNED, "--format")
    page = page_of(agreed.cli(*words, "html").out)
    assert f"山田 太郎 {PHONE}" in page.text


def test_a_whole_reorganisation_is_asked_for_somebody(
    folder: Path, company_files: Path, cli: Cli
) -> None:
    from tests.worlds.files_folder import job_in

    job = job_in(folder, company_files, cli)
    moves = "predecessor,account,successor\nSato,*,Tanaka\nTanaka,*,Mori\n"
    (job.folder / "april.csv").write_text(moves, encoding="utf-8")
    drawn = job("plan", "new", "--moves", "april.csv").data["plans"]
    days = {r["visit"]["date"] for plan in drawn for r in plan["rows"] if r["visit"]}
    whole = ("--reorganisation", "2027-03-april", "--person", "Tanaka", "--on")
    visits = show(job, *whole, min(days))["visits"]
    assert {each["plan_state"] for each in visits} == {"draft"}
    assert show(job, "--person", "Tanaka", "--on", min(days))["visits"] == []
