"""What comes back of a visit: answers item by item, notes, needs, what is open."""

import csv
import json
import secrets
import sqlite3
from contextlib import closing
from itertools import chain, cycle

import pytest
import time_machine

from handover.answers.confirmations import list_confirmations, list_standing
from handover.ledger import Ledger
from tests.conftest import Ended
from tests.worlds.files_folder import EFFECTIVE, PLAN, Job

VISITED = "2027-03-12"
ASAHI = ("--account", "青葉商事")


def record(job: Job, *words: str, on: str = VISITED, by: str = "Tanaka") -> Ended:
    return job("meeting", "record", PLAN, *words, "--as", by, on=on)


def answer(
    job: Job, item: str, result: str, *words: str, on: str = VISITED, by: str = "Tanaka"
) -> Ended:
    said = ("--item", item, "--result", result, "--person", "山田 太郎")
    return record(job, *ASAHI, *said, *words, on=on, by=by)


def tasks(job: Job) -> list[dict[str, str]]:
    """Read our tasks from the file by hand."""
    path = job.export / "handover_tasks.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def error(ended: Ended) -> tuple[int, str]:
    return ended.code, ended.json["error"]["code"]


def kept(job: Job, table: str) -> list[tuple[object, ...]]:
    ledger = job.folder / ".handover" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as raw:
        return raw.execute(f"select * from {table}").fetchall()  # noqa: S608


def test_an_answer_is_kept_with_who_said_so_and_when(agreed: Job) -> None:
    ended = answer(agreed, "contacts.channel", "confirmed", "--at", "2027-03-11T10:30")
    assert ended.code == 0, ended.err
    assert ended.data["confirmation"] == {
        "account_id": "A1",
        "item": "contacts.channel",
        "record": None,
        "result": "confirmed",
        "column": None,
        "before": None,
        "value": None,
        "person": "C1",
        "at": "2027-03-11T01:30:00+00:00",
        "by": "S",
    }
    assert "contacts.channel" not in ended.data["visit"]["open"]
    assert ended.data["visit"]["done"] is False


def test_a_visit_is_done_when_every_must_item_that_applies_is_answered(
    agreed: Job,
) -> None:
    ended = answer(agreed, "contacts.person", "confirmed")
    left = ended.data["visit"]["open"]
    assert left
    for item in left:
        assert "visit" in ended.data, ended.out + ended.err
        assert not ended.data["visit"]["done"]
        ended = answer(agreed, item, "unknown")
    assert (ended.data["visit"]["done"], ended.data["visit"]["open"]) == (True, [])
    assert ended.data["visit"]["yield"] == 1


def test_a_note_leaves_the_visit_open_and_says_which_words_say_nothing(
    agreed: Job,
) -> None:
    ended = record(agreed, *ASAHI, "--note", "特に問題ないとのこと")
    assert ended.code == 0
    assert ended.data["visit"]["done"] is False
    flags = {flag["code"]: flag["why"] for flag in ended.data["flags"]}
    assert "特に問題ない" in flags["abstract_talk"]
    assert "greeting_only" in flags


def test_a_correction_names_what_stood_there_and_what_holds(agreed: Job) -> None:
    ended = answer(
        agreed,
        *("contacts.channel", "corrected"),
        *("--column", "contacts.phone", "--value", "03-9876-5432"),
    )
    made = ended.data["confirmation"]
    assert (made["record"], made["column"]) == ("C1", "phone")
    assert (made["before"], made["value"]) == ("03-1234-5678", "03-9876-5432")
    assert [step["outcome"] for step in ended.data["run"]["steps"]] == ["done"]


def test_two_runs_of_one_minute_never_share_a_name(
    agreed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = chain(["aaaa"] * 8, cycle(["bbbb", "cccc"]))
    monkeypatch.setattr(secrets, "token_hex", lambda _n: next(letters))
    with time_machine.travel("2026-11-30T10:00:00+09:00", tick=False):
        for item in ("contacts.person", "contacts.channel"):
            ended = answer(agreed, item, "unknown")
            assert ended.code == 0, ended.out + ended.err
    listed = agreed("runs", "list").data["runs"]
    assert len({run["id"] for run in listed}) == 2


def test_a_correction_is_written_as_the_crm_spells_numbers(agreed: Job) -> None:
    agreed.edit("opportunities.csv", "1000,2027", "1000.00,2027")
    said = ("--record", "O1", "--column", "opportunities.amount", "--value", "1,200")
    ended = answer(agreed, "opportunities.amount", "corrected", *said)
    (step,) = ended.data["run"]["steps"]
    assert (step["before"], step["after"]) == ("1000.00", "1200")
    rows = (agreed.export / "opportunities.csv").read_text(encoding="utf-8")
    assert "O1,A1,P,Renewal,quoted,false,false,1200,2027-06-30" in rows


def test_a_correction_that_the_crm_has_no_place_for_becomes_a_task(
    agreed: Job,
) -> None:
    said = ("--column", "contacts.email", "--value", "yamada@example.jp")
    ended = answer(agreed, "contacts.channel", "corrected", *said)
    (step,) = ended.data["run"]["steps"]
    assert (step["action"], step["outcome"]) == ("create_task", "done")
    (task,) = tasks(agreed)
    assert (task["account_id"], task["owner_id"], task["is_done"]) == (
        "A1",
        "S",
        "false",
    )
    assert "yamada@example.jp" in task["text"]
    assert agreed("tasks", on=VISITED).data["runs"] == []


def test_what_nobody_knew_is_asked_of_the_predecessor_then_of_the_successor(
    agreed: Job,
) -> None:
    answer(agreed, "contacts.person", "unknown")
    (first,) = tasks(agreed)
    assert (first["owner_id"], first["is_done"]) == ("P", "false")
    (run,) = agreed("tasks", on="2027-04-15").data["runs"]
    assert {step["action"] for step in run["run"]["steps"]} == {
        "create_task",
        "close_task",
    }
    late, early = sorted(tasks(agreed), key=lambda task: task["owner_id"], reverse=True)
    assert (late["owner_id"], late["is_done"]) == ("S", "false")
    assert (early["owner_id"], early["is_done"]) == ("P", "true")
    ended = answer(agreed, "contacts.person", "confirmed", on="2027-04-16")
    assert "run" not in ended.data
    assert agreed("tasks", on="2027-04-16").code == 0
    assert {task["is_done"] for task in tasks(agreed)} == {"true"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("contacts.chanel", "confirmed"), "unknown_name"),
        (("contacts.channel", "corrected"), "column_needed"),
        (("contacts.channel", "corrected", "--column", "phone"), "column_needed"),
        (
            ("contacts.channel", "corrected", "--column", "mobile", "--value", "12"),
            "value_not_usable",
        ),
        (
            ("contacts.channel", "corrected", "--column", "email", "--value", "不明"),
            "value_not_usable",
        ),
        (
            ("organisation.business", "corrected", "--column", "business"),
            "value_not_usable",
        ),
        (
            ("contacts.channel", "confirmed", "--value", "03-9876-5432"),
            "correction_needed",
        ),
        (("contacts.channel", "confirmed", "--record", "C2"), "unknown_name"),
        (("contacts.channel", "confirmed", "--at", "2027-03-13"), "answer_ahead"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    agreed: Job, words: tuple[str, ...], code: str
) -> None:
    item, result, *more = words
    assert error(answer(agreed, item, result, *more)) == (2, code)
    assert kept(agreed, "confirmations") == []


def test_nobody_else_records_and_nothing_before_it_is_announced(agreed: Job) -> None:
    assert error(answer(agreed, "contacts.person", "confirmed", by="Kato")) == (
        5,
        "not_yours",
    )
    ended = agreed(
        "meeting", "record", PLAN, *ASAHI, "--note", "x", "--as", "S", on="2027-02-01"
    )
    assert error(ended) == (5, "not_announced")
    assert kept(agreed, "remarks") == []


def test_a_later_answer_counts_and_both_are_kept(agreed: Job) -> None:
    answer(agreed, "contacts.person", "unknown")
    ended = answer(agreed, "contacts.person", "confirmed")
    assert ended.data["visit"]["yield"] == 1
    assert len(kept(agreed, "confirmations")) == 2


def test_corrections_of_several_parts_stand_and_a_later_whole_answer_replaces_them(
    agreed: Job,
) -> None:
    correct = ("contacts.channel", "corrected", "--record", "C1", "--column")
    answer(agreed, *correct, "contacts.phone", "--value", "03-9876-5432")
    answer(agreed, *correct, "email", "--value", "yamada@example.jp")
    answer(agreed, *correct, "contacts.phone", "--value", "03-1111-2222")
    with Ledger.open(agreed.folder / ".handover" / "ledger.sqlite").read() as ledger:
        made = list_confirmations(ledger, PLAN, rehearsed=True)["A1"]
        in_earnest = list_confirmations(ledger, PLAN, rehearsed=False)
    standing = {each.column: each.value for each in list_standing(made)}
    assert standing == {"email": "yamada@example.jp", "phone": "03-1111-2222"}
    assert not in_earnest

    answer(agreed, "contacts.channel", "confirmed")
    with Ledger.open(agreed.folder / ".handover" / "ledger.sqlite").read() as ledger:
        made = list_confirmations(ledger, PLAN, rehearsed=True)["A1"]
    assert [each.result for each in list_standing(made)] == ["confirmed"]


def test_what_was_confirmed_stands_beside_what_is_recorded(agreed: Job) -> None:
    before = agreed("show", "A1", on=VISITED).data["account"]["confirmed"]
    answer(agreed, "contacts.person", "confirmed")
    after = agreed("show", "A1", on=VISITED).data["account"]["confirmed"]
    assert before == 0
    assert after > 0


def test_a_need_is_kept_with_its_worth_and_a_missed_visit_with_its_reason(
    agreed: Job,
) -> None:
    need = record(agreed, *ASAHI, "--need", "second line", "--amount", "1,200,000")
    assert need.data["remarks"][0]["amount"] == 1_200_000
    missed = record(agreed, *ASAHI, "--missed", "the buyer was ill")
    assert missed.data["visit"]["missed"] == "the buyer was ill"
    met = answer(agreed, "contacts.person", "confirmed")
    assert met.data["visit"]["missed"] is None


def test_no_word_of_a_customer_stands_in_the_chain(agreed: Job) -> None:
    record(agreed, *ASAHI, "--note", "secret words", "--need", "secret need")
    answer(
        agreed,
        *("contacts.channel", "corrected"),
        *("--column", "phone", "--record", "C1", "--value", "03-9876-5432"),
    )
    told = json.dumps(kept(agreed, "events"), ensure_ascii=False)
    assert "secret" not in told
    assert "9876" not in told


def test_an_answer_that_was_typed_into_the_ledger_is_noticed(agreed: Job) -> None:
    answer(agreed, "contacts.person", "confirmed")
    ledger = agreed.folder / ".handover" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as raw, raw:
        raw.execute("update confirmations set result = 'corrected', value = 'x'")
    refused = record(agreed, *ASAHI, "--note", "x")
    assert error(refused) == (5, "ledger_changed")
    ended = agreed("runs", "verify", on=EFFECTIVE)
    assert ended.code != 0
    assert any("confirmations" in str(each) for each in ended.data["broken"])


# The successor's word


def say(job: Job, word: str, *words: str, by: str = "Tanaka") -> Ended:
    return job("meeting", word, PLAN, *words, "--as", by, on=VISITED)


def test_only_who_takes_a_customer_over_accepts_or_returns_it(agreed: Job) -> None:
    assert error(say(agreed, "accept", *ASAHI, by="Sato")) == (5, "not_yours")
    returned = say(agreed, "return", *ASAHI, "--reason", "full")
    assert (returned.code, returned.data["accounts"]) == (0, ["A1"])
    accepted = say(agreed, "accept", *ASAHI)
    assert accepted.data["answer"] == "accepted"


def inform(job: Job, account: str) -> None:
    """Let the manager decide that a customer is not met, and approve that."""
    edit = ("plan", "edit", PLAN, "--inform", account, "--reason", "x", "--as", "M")
    approve = ("plan", "approve", PLAN, "--no-attend", "rest", "--as", "M")
    for words in (edit, ("plan", "submit", PLAN, "--as", "P"), approve):
        ended = job(*words)
        assert ended.code == 0, ended.out


def test_a_customer_nobody_will_ask_is_not_accepted_while_something_is_missing(
    agreed: Job,
) -> None:
    inform(agreed, "A3")
    ended = say(agreed, "accept", "--account", "Midori")
    assert error(ended) == (5, "not_ready")
    assert "Midori" in ended.json["error"]["message"]


def test_where_the_policy_asks_for_it_only_what_is_accepted_moves(agreed: Job) -> None:
    (agreed.folder / "policy.toml").write_text(
        '[transfer]\nrequire = "acceptance"\n', encoding="utf-8"
    )
    config = agreed.folder / "handover.toml"
    text = '[policy]\nfile = "policy.toml"\n'
    config.write_text(config.read_text(encoding="utf-8") + text, encoding="utf-8")
    inform(agreed, "A3")

    waiting = agreed.reassign()
    assert waiting.code == 0, waiting.out
    assert agreed.owners()["A1"] == "P"
    (note,) = (w for w in waiting.json["warnings"] if w["code"] == "not_accepted")
    assert "青葉商事" in note["message"]
    assert say(agreed, "accept", *ASAHI).code == 0
    assert say(agreed, "return", "--account", "A2", "--reason", "full").code == 0
    assert agreed.reassign().code == 0
    owners = agreed.owners()
    assert {owners[key] for key in ("A2", "A3", "A4", "A5", "A6")} == {"P"}
    assert owners["A1"] == "S"


def test_what_was_returned_or_missed_stands_on_the_managers_desk(agreed: Job) -> None:
    def waiting() -> set[str]:
        listed = agreed("plan", "list", "--mine", "--as", "M", on=VISITED)
        return {each["step"] for each in listed.data["waiting"]}

    assert not waiting() & {"name_other", "make_up"}
    say(agreed, "return", *ASAHI, "--reason", "full")
    record(agreed, *ASAHI, "--missed", "the buyer was ill")
    assert waiting() >= {"name_other", "make_up"}
    say(agreed, "accept", *ASAHI)
    answer(agreed, "contacts.person", "confirmed")
    assert not waiting() & {"name_other", "make_up"}
