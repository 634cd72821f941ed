"""The whole job on the command line: from the CRM's files and back to them."""

import csv
from typing import Any

from tests.worlds.files_folder import (
    DECIDED,
    EFFECTIVE,
    NEW,
    PLANNED,
    Job,
    bytes_of,
)

ENVELOPE = {"schema", "ok", "as_of", "data", "warnings", "error"}
PLAN = {
    *("id", "source", "version", "state", "fingerprint", "author", "predecessor"),
    *("successors", "manager", "notice", "announce", "start", "end", "effective"),
    *("minimum_days", "minimum_end", "minimum_days_bound", "rows", "loose"),
    *("overflow", "options"),
}
ROW = {
    *("source", "account_id", "account", "successor_id", "mode", "reasons"),
    *("customer_class", "value", "score", "ready", "effective", "co_attendance"),
    *("opportunities", "gaps", "state", "visit"),
}
ACCOUNT = {
    *("id", "source", "name", "owner_id", "owner", "customer_class", "score"),
    *("ready", "confirmed", "groups", "items"),
}
ACCOUNTS = {"A1", "A2", "A3", "A4", "A5", "A6"}
TASKS = "handover_tasks.csv"


def tasks(job: Job) -> dict[str, dict[str, str]]:
    with (job.export / TASKS).open(encoding="utf-8-sig", newline="") as file:
        return {row["handover_key"]: row for row in csv.DictReader(file)}


def counts(planned: int, **known: int) -> dict[str, int]:
    none = dict.fromkeys(("done", "skipped", "refused", "in_doubt"), 0)
    return {**none, "planned": planned, **known}


def test_from_the_first_sync_to_the_undo(job: Job) -> None:
    at_first = bytes_of(job.export)

    plan = job("plan", "new", *NEW).data["plan"]
    assert (plan["state"], plan["effective"]) == ("draft", EFFECTIVE)
    assert job("plan", "edit", plan["id"], *DECIDED, "--as", "M").code == 0
    assert job("plan", "submit", plan["id"], "--as", "P").code == 0
    approved = job("plan", "approve", plan["id"], "--as", "M").data["plan"]
    assert (approved["state"], approved["author"]) == ("approved", "P")
    assert bytes_of(job.export) == at_first

    published = job("plan", "publish", plan["id"]).data["run"]
    assert published["counts"]["planned"] == published["counts"]["done"] > 6
    moved = job.reassign().data["run"]
    assert moved["counts"] == counts(11, done=11)
    assert {a for a, owner in job.owners().items() if owner == "S"} == {*ACCOUNTS, "B1"}

    undone = job("undo", moved["id"], "--as", "M", on=EFFECTIVE)
    assert (undone.code, undone.data["run"]["state"]) == (0, "finished")
    now = bytes_of(job.export)
    assert now.pop(TASKS)
    assert now == at_first
    assert job("runs", "verify").data["broken"] == []


def test_sync_tells_what_became_of_each_row(job: Job) -> None:
    data = job("sync", "--full").data
    assert data["generation"] == 1
    assert set(data["objects"]) >= {"users", "accounts", "contacts", "opportunities"}
    for told in data["objects"].values():
        assert told["read"] == sum(n for name, n in told.items() if name != "read")
    assert data["sources"] == [{"source": "files", "ok": True, "code": None}]
    assert {"vanished", "calls", "unmanaged"} <= set(data)


def test_the_audit_has_the_names_of_its_schema(job: Job) -> None:
    ended = job("audit")
    assert set(ended.json) == ENVELOPE
    assert (ended.json["schema"], ended.json["as_of"]) == ("handover.audit/1", PLANNED)
    data = ended.data
    assert set(data["policy"]) == {"version", "hash"}
    assert {"accounts", "ready", "score"} <= set(data["totals"])
    assert all(set(account) >= ACCOUNT for account in data["accounts"])
    item = data["accounts"][0]["items"][0]
    assert {"group", "item", "level", "state", "quality", "rows", "rows_ok"} <= set(
        item
    )
    assert set(item["evidence"]) == {"text", "records", "at"}
    owners = {owner["id"]: owner["accounts"] for owner in data["owners"]}
    assert owners == {"P": 6, "S": 1}
    assert [orphan["id"] for orphan in data["orphans"]] == ["L1"]


def test_the_plan_has_the_names_of_its_schema(agreed: Job) -> None:
    data = agreed("plan", "show", agreed.plan).data
    plan = data["plan"]
    assert data["plans"] == [plan]
    assert set(plan) >= PLAN
    assert {row["account_id"] for row in plan["rows"]} == ACCOUNTS
    assert all(set(row) >= ROW for row in plan["rows"])
    visit: dict[str, Any] = next(row["visit"] for row in plan["rows"] if row["visit"])
    assert set(visit) >= {
        *("date", "start", "end", "minutes", "travel_minutes", "online", "place"),
        *("contact_ids", "attendees"),
    }
    assert {record["id"] for record in plan["loose"]} == {"L1"}


def test_each_task_is_made_once_with_its_key(agreed: Job) -> None:
    first = agreed("plan", "publish", agreed.plan).data["run"]
    made = tasks(agreed)
    assert len(made) == first["counts"]["done"]
    assert f"handover:{agreed.plan}:files:A1:visit:S" in made
    assert {task["owner_id"] for task in made.values()} == {"P", "S"}

    again = agreed("plan", "publish", agreed.plan)
    assert (again.code, again.data["run"]["counts"]) == (0, counts(0))
    assert again.data["run"]["id"] not in (None, first["id"])
    assert again.json["warnings"][0]["code"] == "nothing_to_publish"
    assert tasks(agreed) == made


def test_nothing_is_due_before_the_effective_date_without_a_reason(
    agreed: Job,
) -> None:
    before = bytes_of(agreed.export)
    waiting = agreed.reassign(on="2027-03-12")
    assert (waiting.code, waiting.data["run"]["counts"]) == (0, counts(0))
    assert EFFECTIVE in waiting.json["warnings"][0]["message"]
    assert bytes_of(agreed.export) == before
    assert agreed.reassign("--early", " ", on="2027-03-12").code == 2
    early = agreed.reassign("--early", "He leaves today", on="2027-03-12")
    assert early.data["run"]["counts"] == counts(11, done=11)
