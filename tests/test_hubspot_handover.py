"""What a handover on HubSpot moves, leaves, refuses and takes back, by the commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, Ended
from tests.worlds.hubspot_company import Company
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_folder import MORE, WRITING, at_work, owners, steps_of
from tests.worlds.hubspot_replies import Answer, Call, limited
from tests.worlds.world import plan_in


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
    approved_portal: tuple[Path, Company],
    folder: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    with at_work(*approved_portal, folder) as made:
        yield Desk(cli, made, plan_in(folder))


def by_record(steps: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the owner steps by record; a record may have other fields too."""
    return {s["record_id"]: s for s in steps if s["action"] != "owner_field"}


def test_fields_like_the_owner_move_along_by_object_and_come_back(desk: Desk) -> None:
    desk(*desk.reassign)
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
    desk("undo", "last", *WRITING, "--as", "5")
    assert desk.held("companies", "seiki", "second_owner") == "7"
    assert desk.held("companies", "denki", "second_owner") == "6"


@pytest.mark.parametrize("holder", ["7", "6"])
def test_an_owner_that_a_workflow_decides_is_told_and_not_sent_again(
    desk: Desk, holder: str
) -> None:
    """Whether it keeps the old owner or rotates to a third one."""
    seiki = desk.company.ids["seiki"]
    desk.portal.automation = lambda _kind, given: (
        {"hubspot_owner_id": holder} if given["id"] == seiki else {}
    )
    steps = by_record(desk.steps(*desk.reassign, code=6))
    told = steps[seiki]
    found = (told["outcome"], told["code"], told["message"])
    assert found == ("refused", "overruled", holder)
    waiting = {s["account_id"] for s in steps.values() if s["outcome"] == "skipped"}
    assert waiting == {seiki}
    assert owners(desk.company)["hayashi"] == "7"
    sent = len(desk.portal.commits)
    steps = by_record(desk.steps(*desk.reassign, code=6))
    assert (steps[seiki]["outcome"], steps[seiki]["code"]) == ("skipped", "overruled")
    assert len(desk.portal.commits) == sent
    desk.portal.automation = lambda _kind, _given: {}
    desk("runs", "retry", "last", *WRITING)
    assert owners(desk.company) == MORE


def test_what_hung_on_a_merged_company_goes_with_the_winner(desk: Desk) -> None:
    ids, portal = desk.company.ids, desk.portal
    portal.merge("companies", ids["seiki"], ids["denki"])
    first = by_record(desk.steps(*desk.reassign, code=6))
    assert first[ids["open"]]["outcome"] == "skipped"
    desk("sync", *WRITING[:2])
    ended = desk(*desk.reassign)
    assert portal.records["deals"][ids["open"]].properties["hubspot_owner_id"] == "8"
    told = {each["code"]: each["message"] for each in ended.json["warnings"]}
    name = portal.records["deals"][ids["open"]].properties["dealname"]
    assert str(name) in told["opportunities_elsewhere"]


def test_a_portal_that_copies_owners_takes_no_contact_from_others_or_back(
    desk: Desk,
) -> None:
    desk.portal.contacts_follow = True
    before = owners(desk.company)
    desk(*desk.reassign)
    assert owners(desk.company) == MORE
    desk("undo", "last", *WRITING, "--as", "5")
    assert owners(desk.company) == before


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
@pytest.mark.every(3)
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
