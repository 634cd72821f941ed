"""What a handover on HubSpot moves, leaves, refuses and takes back, by the commands."""

import base64
import csv
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.hubspot_company import Company, company
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_folder import (
    AFTER,
    WRITING,
    approve_in,
    at_work,
    owners,
    plan_in,
    steps_of,
)
from tests.worlds.hubspot_replies import Answer, Call, Json, limited
from tests.worlds.small_portal import KEY

OWN = """\
extends = "hubspot"
[transfer]
also = ["accounts.second_owner", "contacts.second_owner"]
"""
INTENDED = """
select count(*) from steps where outcome = 'intent' and (key = ? or record_id = ?)
"""
FUTURE, PAST = {"hs_timestamp": "2027-03-20T01:00:00Z"}, {"hs_timestamp": "2027-01-20"}
MORE = {
    **AFTER,
    **dict.fromkeys(("planned", "ringing", "waiting"), "8"),
    **dict.fromkeys(("met", "rung", "finished", "closed", "lost"), "7"),
}
"""Who owns what in the larger company afterwards."""


def larger() -> Company:
    """Sato's company with meetings, calls and tasks, open and over."""
    made = company()
    seiki, mine = ("companies", "seiki"), {"hubspot_owner_id": "7"}
    made.add(
        "planned", "meetings", seiki, hs_meeting_outcome="SCHEDULED", **FUTURE, **mine
    )
    made.add("met", "meetings", seiki, hs_meeting_outcome="COMPLETED", **PAST, **mine)
    made.add("ringing", "calls", seiki, hs_call_status="QUEUED", **FUTURE, **mine)
    made.add("rung", "calls", seiki, hs_call_status="COMPLETED", **PAST, **mine)
    made.add("waiting", "tasks", seiki, hs_task_status="WAITING", **FUTURE, **mine)
    made.add("finished", "tasks", seiki, hs_task_status="COMPLETED", **PAST, **mine)
    made.add("closed", "tickets", seiki, hs_pipeline_stage="2", **mine)
    made.add("lost", "deals", seiki, dealname="B", dealstage="3", **mine)
    for kind, name in (("companies", "seiki"), ("contacts", "hayashi")):
        made.portal.define(kind, "second_owner")
        made.portal.edit(kind, made.ids[name], second_owner="7")
    made.portal.edit("companies", made.ids["denki"], second_owner="6")
    made.portal.define("tasks", KEY, unique=(KEY,))
    return made


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Company]:
    """The larger company with Sato's approved plan."""
    folder, made = tmp_path_factory.mktemp("larger"), larger()
    (folder / "own.toml").write_text(OWN, encoding="utf-8")
    approve_in(folder, made)
    return folder, made


class Desk:
    """A working folder on the larger company's portal."""

    def __init__(self, cli: Cli, made: Company, plan: str) -> None:
        self.cli, self.company, self.portal = cli, made, made.portal
        self.publish, self.reassign = steps_of(plan)

    def __call__(self, *words: str, code: int = 0) -> Ended:
        ended = self.cli(*words, "--json")
        assert ended.code == code, ended.out + ended.err
        return ended

    def steps(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self(*words, code=code).data["run"]["steps"]
        return found

    def held(self, kind: str, name: str, field: str) -> str | None:
        return self.portal.records[kind][self.company.ids[name]].properties.get(field)


@pytest.fixture
def desk(
    template: tuple[Path, Company],
    folder: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    with at_work(*template, folder) as made:
        yield Desk(cli, made, plan_in(folder))


def by_record(steps: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the owner steps by record, without those of fields of our own."""
    return {s["record_id"]: s for s in steps if s["action"] != "owner_field"}


def test_what_is_open_moves_and_what_is_over_stays(desk: Desk) -> None:
    steps = desk.steps(*desk.reassign)
    assert {step["outcome"] for step in steps} == {"done"}
    assert owners(desk.company) == MORE
    assert desk.held("companies", "seiki", "second_owner") == "8"
    assert desk.held("contacts", "hayashi", "second_owner") == "8"
    assert desk.held("companies", "denki", "second_owner") == "6"
    kinds = [kind for kind, *_ in desk.portal.commits]
    assert list(dict.fromkeys(kinds))[:4] == [
        "companies",
        "contacts",
        "deals",
        "tickets",
    ]


def test_no_write_leaves_before_its_intent_is_on_disk(desk: Desk) -> None:
    ledger = (Path(".handover") / "ledger.sqlite").resolve()
    intended: list[bool] = []

    def look(call: Call) -> None:
        """Look into the journal from outside, as each write arrives."""
        inputs = call.body.get("inputs") or [] if "/batch/" in call.path else []
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as journal:
            for trace in (one.get("objectWriteTraceId") for one in inputs):
                found = journal.execute(INTENDED, (trace, trace)).fetchone()
                intended.extend([found[0] > 0] if trace else [])
        journal.close()

    desk.portal.faults = [look]
    desk(*desk.publish)
    desk(*desk.reassign)
    assert len(intended) == len(desk.portal.commits) > 10
    assert all(intended)


def test_a_rehearsal_only_reads_and_leaves_the_ledger_as_it_was(desk: Desk) -> None:
    desk(*desk.publish)
    ledger = Path(".handover") / "ledger.sqlite"
    before, runs = ledger.read_bytes(), set(Path(".handover/runs").iterdir())
    desk.portal.commits.clear()
    since = len(desk.portal.calls)
    undo = ("undo", "last", *WRITING, "--as", "5")
    for words in (desk.publish, desk.reassign, undo):
        desk(*words, "--dry-run")
    asked = [c.path for c in desk.portal.calls[since:] if c.method != "GET"]
    assert all(path.endswith(("/search", "/batch/read")) for path in asked)
    assert not desk.portal.commits
    assert ledger.read_bytes() == before
    assert set(Path(".handover/runs").iterdir()) == runs


def test_undo_gives_back_what_nobody_changed_and_closes_our_tasks(desk: Desk) -> None:
    desk(*desk.publish)
    before = owners(desk.company)
    (published,) = [run["id"] for run in desk("runs", "list").data["runs"]]
    desk(*desk.reassign)
    desk.portal.edit("deals", desk.company.ids["open"], hubspot_owner_id="6")
    steps = by_record(desk.steps("undo", "last", *WRITING, "--as", "5", code=6))
    edited = steps.pop(desk.company.ids["open"])
    assert (edited["outcome"], edited["code"]) == ("skipped", "changed")
    assert {step["outcome"] for step in steps.values()} == {"done"}
    assert owners(desk.company) == before | {"open": "6"}
    assert desk.held("companies", "seiki", "second_owner") == "7"
    ours = [r for r in desk.portal.living("tasks") if r.properties.get(KEY)]
    ours[0].properties["hs_timestamp"] = "2027-03-09T12:00:00Z"
    taken = desk.steps("undo", published, *WRITING, "--as", "5", code=6)
    assert [step["code"] for step in taken].count("changed") == 1
    assert ours[0].properties["hs_task_status"] == "NOT_STARTED"
    assert {r.properties["hs_task_status"] for r in ours[1:]} == {"COMPLETED"}
    assert not [r for r in desk.portal.records["tasks"].values() if r.archived_at]


@pytest.mark.parametrize("has_key", [True, False])
def test_two_machines_with_one_plan_write_everything_once(
    desk: Desk, template: tuple[Path, Company], tmp_path: Path, *, has_key: bool
) -> None:
    if not has_key:
        del desk.portal.properties["tasks"][KEY]
    other = tmp_path / "other machine"
    copy_folder(template[0], other)
    shutil.copy(Path("handover.toml"), other)
    config = ("-c", str(other / "handover.toml"))
    for words in (desk.publish, desk.reassign):
        desk(*words)
        again = desk.steps(*words, *config)
        assert {step["code"] for step in again} == {"already"}
    written = [(kind, key, *values) for kind, key, values in desk.portal.commits]
    assert len(set(written)) == len(written)
    assert owners(desk.company) == MORE


def test_a_refused_row_carries_the_portals_own_words_to_its_file(desk: Desk) -> None:
    seiki = desk.company.ids["seiki"]

    def refuse(call: Call) -> Answer | None:
        inputs = call.body.get("inputs") or []
        if not call.path.endswith("companies/batch/update") or not inputs:
            return None
        (bad,) = [one for one in inputs if one["id"] == seiki]
        call.body["inputs"] = [one for one in inputs if one["id"] != seiki]
        answer = desk.portal.take(call)
        assert isinstance(answer.body, dict)
        entry: Json = {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "message": "宅配便の住所 is required",
            "context": {"objectWriteTraceId": [bad["objectWriteTraceId"]]},
        }
        return Answer(207, {**answer.body, "numErrors": 1, "errors": [entry]})

    desk.portal.faults = [refuse]
    ended = desk(*desk.reassign, code=6)
    steps = by_record(ended.data["run"]["steps"])
    refused = steps[seiki]
    assert (refused["outcome"], refused["code"]) == ("refused", "VALIDATION_ERROR")
    assert refused["message"] == "宅配便の住所 is required"
    assert steps[desk.company.ids["open"]]["code"] == "account_not_done"
    run = ended.data["run"]["id"]
    file = Path(".handover") / "runs" / run / "error.csv"
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = {(r["Id"], r["Action"]): r["Error"] for r in csv.DictReader(text)}
    assert (
        rows[seiki, "account_owner"]
        == "refused: VALIDATION_ERROR: 宅配便の住所 is required"
    )
    desk.portal.faults = []
    desk("runs", "retry", run, *WRITING)
    assert owners(desk.company) == MORE


def test_a_portal_that_copies_owners_takes_no_contact_from_others_or_back(
    desk: Desk,
) -> None:
    desk.portal.contacts_follow = True
    before = owners(desk.company)
    desk(*desk.reassign)
    assert owners(desk.company) == MORE
    desk("undo", "last", *WRITING, "--as", "5")
    assert owners(desk.company) == before


def test_a_successor_who_has_left_since_is_refused_before_the_first_write(
    desk: Desk,
) -> None:
    (tanaka,) = [owner for owner in desk.portal.owners if owner["id"] == "8"]
    tanaka |= {"archived": True, "userId": None}
    ended = desk(*desk.reassign, code=5)
    assert ended.json["error"]["code"] == "inactive_successor"
    assert not desk.portal.commits


def test_nothing_is_given_back_to_a_predecessor_who_has_left(desk: Desk) -> None:
    desk(*desk.reassign)
    (sato,) = [owner for owner in desk.portal.owners if owner["id"] == "7"]
    sato |= {"archived": True, "userId": None, "userIdIncludingInactive": 70}
    commits = len(desk.portal.commits)
    steps = desk.steps("undo", "last", *WRITING, "--as", "5", code=6)
    assert {s["code"] for s in steps if s["outcome"] == "refused"} == {"OWNER_INACTIVE"}
    assert len(desk.portal.commits) == commits
    assert owners(desk.company) == MORE


AT_ONCE = {"Retry-After": "0"}
LASTING = {
    "the day": limited("DAILY"),
    "ten seconds": limited("TEN_SECONDLY_ROLLING", **AT_ONCE),
    "a second": limited("SECONDLY", **AT_ONCE),
    "a page": Answer(429, "<html>slow down</html>", AT_ONCE),
    "for a day": limited("SECONDLY", **{"Retry-After": "86400"}),
}


@pytest.mark.parametrize("answer", LASTING.values(), ids=LASTING)
@pytest.mark.parametrize("kind", ["companies", "deals", "tasks"])
def test_a_limit_that_lasts_ends_the_run_and_the_next_one_takes_it_up(
    desk: Desk, answer: Answer, kind: str
) -> None:
    """Also where it is the last batch of the run, behind which nothing is read."""
    calls: list[Call] = []

    def spent(call: Call) -> Answer | None:
        if not call.path.endswith(f"{kind}/batch/update") or not call.body["inputs"]:
            return None
        calls.append(call)
        return answer

    desk.portal.faults = [spent]
    ended = desk(*desk.reassign, code=7)
    assert ended.json["error"]["code"] == "rate_limited"
    steps = ended.data["run"]["steps"]
    assert len({len(call.body["inputs"]) for call in calls}) == 1
    assert len(calls) <= 6
    assert {step["outcome"] for step in steps} <= {"done", "skipped"}
    left = {step["code"] for step in steps if step["outcome"] == "skipped"}
    assert left == {"rate_limited"}
    desk.portal.faults = []
    desk(*desk.reassign)
    assert owners(desk.company) == MORE


def test_an_error_that_names_nobody_is_told_of_the_record_it_can_be_about(
    desk: Desk,
) -> None:
    deal = desk.company.ids["open"]

    def nameless(call: Call) -> Answer | None:
        if not call.path.endswith("deals/batch/update") or not call.body["inputs"]:
            return None
        assert {one["id"] for one in call.body["inputs"]} == {deal}
        entry = {"status": "error", "category": "RULE", "message": "次の段階が必要です"}
        return Answer(207, {"results": [], "numErrors": 1, "errors": [entry]})

    desk.portal.faults = [nameless]
    steps = by_record(desk.steps(*desk.reassign, code=6))
    found = steps[deal]
    assert (found["outcome"], found["code"]) == ("refused", "RULE")
    assert found["message"] == "次の段階が必要です"
    desk.portal.faults = []
    desk(*desk.reassign)
    assert owners(desk.company) == MORE


def test_a_token_taken_away_half_way_ends_the_run_without_doubt(desk: Desk) -> None:
    def revoke(call: Call) -> None:
        if call.path.endswith("deals/batch/update") and call.body["inputs"]:
            desk.portal.token = "another"

    desk.portal.faults = [revoke]
    steps = by_record(desk.steps(*desk.reassign, code=4))
    assert steps[desk.company.ids["seiki"]]["outcome"] == "done"
    assert steps[desk.company.ids["open"]]["outcome"] == "skipped"
    left = {step["code"] for step in steps.values() if step["outcome"] != "done"}
    assert left == {"authentication_failed"}
    desk.portal.faults, desk.portal.token = [], TOKEN
    desk(*desk.reassign)
    assert owners(desk.company) == MORE
    written = [(kind, key, *values) for kind, key, values in desk.portal.commits]
    assert len(set(written)) == len(written)


def test_the_token_stands_in_nothing_that_is_said_or_written(desk: Desk) -> None:
    forms = [TOKEN, base64.b64encode(TOKEN.encode()).decode()]

    def quoting(call: Call) -> Answer | None:
        refused = call.path.endswith("deals/batch/update") and call.body["inputs"]
        text = f"Authorization: Bearer {' or '.join(forms)} is bad"
        return Answer(400, {"message": text, "category": "X"}) if refused else None

    desk.portal.faults = [quoting]
    ended = desk.cli(*desk.reassign, "-vv")
    assert ended.code == 6
    files = [path for path in Path().rglob("*") if path.is_file()]
    assert any(b"is bad" in file.read_bytes() for file in files)
    written = [ended.out.encode(), ended.err.encode(), *(f.read_bytes() for f in files)]
    assert len(written) > 10
    assert not [1 for text in written for form in forms if form.encode() in text]
