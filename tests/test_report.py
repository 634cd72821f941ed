"""From the visits to the close: where a plan stands, what came of it, what is open."""

from typing import Any

from tests.conftest import Ended
from tests.worlds.files_folder import PLAN, Job

VISITED, AFTER = "2027-03-12", "2027-03-16"
AOBA = ("--account", "青葉商事")


def said(job: Job, *words: str, on: str = VISITED, by: str = "Tanaka") -> Ended:
    return job("meeting", *words[:1], PLAN, *words[1:], "--as", by, on=on)


def standing(job: Job, *words: str, on: str) -> dict[str, Any]:
    (plan,) = job("status", *words, on=on).data["plans"]
    assert plan["id"] == PLAN
    return dict(plan)


def late(status: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(each["step"], each["account_id"]) for each in status["overdue"]}


def test_status_says_whom_a_plan_waits_for_what_is_late_and_how_much_is_done(
    agreed: Job,
) -> None:
    before = standing(agreed, PLAN, on="2027-03-04")
    (turn,) = before["waits_for"]
    assert (turn["step"], turn["names"], before["overdue"]) == ("publish", ["Sato"], [])
    assert (before["counts"]["to_meet"], before["counts"]["met"]) == (6, 0)
    asked = before["counts"]["open"]

    confirm = ("--item", "contacts.channel", "--result", "confirmed", "--person", "C1")
    assert said(agreed, "record", *AOBA, *confirm).code == 0
    missed = ("--account", "A3", "--missed", "急用のため")
    assert said(agreed, "record", *missed).code == 0
    assert said(agreed, "return", "--account", "A4", "--reason", "満杯").code == 0
    assert said(agreed, "accept", *AOBA).code == 0

    after = standing(agreed, PLAN, on=AFTER)
    steps = {turn["step"]: turn["names"] for turn in after["waits_for"]}
    assert steps["make_up"] == ["Suzuki", "Mori"]
    assert steps["name_other"] == ["Suzuki", "Mori"]
    recorded = {each for each in late(after) if each[0] == "record"}
    assert recorded == {("record", a) for a in ("A2", "A4", "A5", "A6")}
    accepted = {each for each in late(after) if each[0] == "accept"}
    assert accepted == {("accept", a) for a in ("A2", "A3", "A5", "A6")}
    counts = after["counts"]
    told = ("met", "missed", "accepted", "returned", "confirmed", "owner_changed")
    assert [counts[name] for name in told] == [1, 1, 1, 1, 1, 0]
    assert counts["open"] == asked - 1
    assert standing(agreed, on=AFTER)["counts"] == {**counts, "open": None}

    for language, words in {
        "ja": "結果が記録されていません",
        "en": "whose day",
    }.items():
        text = agreed.cli("status", "--as-of", AFTER, "--lang", language).out
        assert words in text
        assert "Wakaba" in text
