"""Taking a run back: only what is still ours, and only by who may."""

from pathlib import Path

import pytest

from connectors.base import Change, Create, SetField
from handover.errors import AmbiguousName, UnknownName, WrongOrg
from handover.ledger.runs import NoRunToUndo, NoRunYet, find_run, find_run_to_undo
from handover.plan import store
from handover.plan.errors import NotYours, TermsChanged
from tests.worlds.memory_company import (
    PLAN,
    TASKS,
    Office,
    handing_over,
    office,
    outcomes,
    plan,
    row,
    with_transfer,
)


def everything(place: Office) -> dict[str, dict[str, object]]:
    """All that people see, without what every write changes."""
    names = ("accounts", "contacts", "opportunities", "requests", "activities")
    return {
        f"{name}.{key}": {k: v for k, v in cells.items() if k != "modified_at"}
        for name in names
        for key, cells in place.crm.rows(f"{name}.csv").items()
    }


def test_undo_brings_back_all_that_the_run_changed(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    before = everything(place)
    run = place.reassign()
    after = everything(place)
    undone = place.undo(run.run_id)
    assert undone.error is None
    assert everything(place) == before
    again = place.undo(undone.run_id)
    assert again.error is None
    assert everything(place) == after
    assert place.undo(again.run_id).error is None
    assert everything(place) == before


def test_the_plan_tells_whose_the_accounts_are_now(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    assert states(place) == {"owner_changed"}
    undone = place.undo(run.run_id)
    assert states(place) == {"approved"}
    place.undo(undone.run_id)
    assert states(place) == {"owner_changed"}


def states(place: Office) -> set[str]:
    with place.ledger.read() as connection:
        return {row.state for row in store.load(connection, PLAN).rows}


def test_peoples_later_edits_win_and_are_listed(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    place.crm.put("accounts.csv", "A01", owner_id="T")
    place.crm.put("contacts.csv", "C02", owner_id="T")
    undone = place.undo(run.run_id)
    found = outcomes(undone.entries)
    assert found["A01"] == "skipped:changed"
    assert found["C01"] == "skipped:account_not_done"
    assert found["C02"] == "skipped:changed"
    assert found["A02"] == found["O02"] == "done"
    assert undone.error is not None
    assert undone.error.exit_code == 6
    assert place.owners() == {"A01": "T", "A02": "P", "A03": "P"}
    assert place.owners("contacts.csv") == {"C01": "S", "C02": "T", "C03": "P"}


def test_what_was_there_before_the_run_is_not_taken_back(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.put("contacts.csv", "C01", owner_id="S")
    run = place.reassign()
    assert outcomes(run.entries)["C01"] == "done:already"
    place.undo(run.run_id)
    assert place.owners("contacts.csv")["C01"] == "S"


def test_refused_and_skipped_steps_are_not_taken_back(tmp_path: Path) -> None:
    place = handing_over(tmp_path)

    def rule(change: Change) -> str | None:
        return "NO" if isinstance(change, SetField) and change.id == "C01" else None

    place.crm.faults.refuse = rule
    run = place.reassign()
    undone = place.undo(run.run_id)
    assert "C01" not in outcomes(undone.entries)
    assert set(place.owners("contacts.csv").values()) == {"P"}


def test_undoing_twice_changes_nothing_more(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    place.undo(run.run_id)
    before = len(place.crm.commits)
    again = place.undo(run.run_id)
    assert again.error is None
    assert {e.code for e in again.entries} == {"already"}
    assert len(place.crm.commits) == before


def test_after_an_undo_the_same_plan_can_be_carried_out_again(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    place.sync()
    place.undo(run.run_id)
    assert place.reassign().counts["done"] == 18
    assert set(place.owners("requests.csv").values()) == {"S"}


def test_teams_are_put_back_when_the_owner_returns(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    undone = place.undo(run.run_id)
    assert undone.error is None
    team = place.crm.rows("account_team.csv").values()
    assert sorted(str(r["record_id"]) for r in team) == ["A01", "A02", "A03"]
    place.undo(run.run_id)
    assert len(place.crm.rows("account_team.csv")) == 3


def test_an_undo_keeps_the_team_as_people_have_made_it_meanwhile(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    for key, member in place.crm.rows("account_team.csv").items():
        if member["record_id"] == "A01":
            place.crm.erase("account_team.csv", key)
    place.crm.put("account_team.csv", "M99", record_id="A02", user_id="D")
    place.undo(run.run_id)
    team = place.crm.rows("account_team.csv").values()
    pairs = sorted((str(r["record_id"]), str(r["user_id"])) for r in team)
    assert pairs == [("A02", "D"), ("A02", "T"), ("A03", "T")]


def test_an_undo_puts_back_whom_the_run_could_not(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.faults.refuse = lambda change: (
        "TEAM_FULL" if isinstance(change, Create) else None
    )
    run = place.reassign()
    assert not place.crm.rows("account_team.csv")
    place.crm.faults.refuse = lambda _change: None
    place.undo(run.run_id)
    assert len(place.crm.rows("account_team.csv")) == 3


def test_tasks_that_we_made_are_closed_not_deleted(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.publish()
    undone = place.undo(run.run_id)
    assert undone.error is None
    tasks = place.crm.rows(TASKS)
    assert len(tasks) == 6
    assert {task["is_done"] for task in tasks.values()} == {"true"}
    place.undo(undone.run_id)
    assert {t["is_done"] for t in place.crm.rows(TASKS).values()} == {"false"}


@pytest.mark.parametrize("edit", [{"due": "2027-06-01"}, {"owner_id": "T"}])
def test_a_task_that_somebody_took_in_hand_is_left_to_him(
    tmp_path: Path, edit: dict[str, str]
) -> None:
    place = handing_over(tmp_path, row(1))
    run = place.publish()
    first = next(iter(place.crm.rows(TASKS)))
    place.crm.put(TASKS, first, **edit)
    undone = place.undo(run.run_id)
    assert outcomes(undone.entries)[first] == "skipped:changed"
    assert place.crm.rows(TASKS)[first]["is_done"] == "false"


def test_a_task_that_somebody_finished_is_done_already(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1))
    run = place.publish()
    first = next(iter(place.crm.rows(TASKS)))
    place.crm.put(TASKS, first, is_done="true", due="2027-06-01")
    assert outcomes(place.undo(run.run_id).entries)[first] == "done:already"


def test_a_step_in_doubt_is_left_alone(tmp_path: Path) -> None:
    place = office(tmp_path, capabilities=())
    place.crm.capabilities = frozenset({"write"})  # type: ignore[arg-type]
    place.approve(plan([row(1)]))
    place.crm.faults.lose_after = 1
    place.crm.faults.unseen |= {str(e.key) for e in place.rehearse("publish").entries}
    run = place.publish()
    undone = place.undo(run.run_id)
    assert undone.counts["planned"] == 0
    assert {t["is_done"] for t in place.crm.rows(TASKS).values()} == {"false"}


# Who may


@pytest.mark.parametrize("person", ["M", "D"])
def test_the_approver_and_their_delegate_may(tmp_path: Path, person: str) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    undone = place.undo(run.run_id, person)
    assert undone.error is None
    assert place.undo(undone.run_id, person).error is None


@pytest.mark.parametrize("person", ["P", "S", "B", "?"])
def test_nobody_else_may(tmp_path: Path, person: str) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    before = len(place.crm.commits)
    with pytest.raises(NotYours) as refused:
        place.undo(run.run_id, person)
    assert refused.value.exit_code == 5
    assert len(place.crm.commits) == before


@pytest.mark.parametrize("name", ["T", "鈴木"])
def test_whom_the_policy_names_may(tmp_path: Path, name: str) -> None:
    place = handing_over(tmp_path, policy=with_transfer(undo_by=(name,)))
    run = place.reassign()
    assert place.undo(run.run_id, "T").error is None


def test_who_may_since_the_submission_only_may_not(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    place.policy = with_transfer(undo_by=("T",))
    with pytest.raises(TermsChanged) as refused:
        place.undo(run.run_id, "T")
    assert refused.value.exit_code == 5
    assert place.undo(run.run_id, "M").error is None


def test_another_org_is_not_touched(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    identity = place.crm.identity
    place.crm.identity = type(identity)(
        org_id="memory:9", org_name="x", production=False, local=True
    )
    with pytest.raises(WrongOrg):
        place.undo(run.run_id)


# Names


def test_runs_are_found_by_the_beginning_of_their_id_and_as_the_last(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    with place.ledger.read() as connection, pytest.raises(NoRunYet):
        find_run(connection, "last")
    first = place.publish()
    second = place.reassign()
    with place.ledger.read() as connection:
        assert find_run(connection, "last").id == second.run_id
        assert find_run(connection, "20270401-1200-pub").id == first.run_id
        assert find_run(connection, str(first.run_id)).id == first.run_id
        with pytest.raises(AmbiguousName):
            find_run(connection, "20270401")
        with pytest.raises(UnknownName) as unknown:
            find_run(connection, str(first.run_id)[:-1] + "_")
    assert unknown.value.params["suggestion"] == first.run_id


def test_the_last_run_is_the_last_that_wrote_and_was_not_taken_back(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    with place.ledger.read() as connection, pytest.raises(NoRunYet):
        find_run_to_undo(connection, "last")
    published = place.publish()
    moved = place.reassign()
    assert place.reassign().counts["planned"] == 0  # everything is done already

    def last() -> str:
        with place.ledger.read() as connection:
            return find_run_to_undo(connection, "last").id

    assert last() == moved.run_id
    place.undo("last")
    assert last() == published.run_id
    place.undo("last")
    with pytest.raises(NoRunToUndo):
        last()


def test_what_an_undo_took_back_is_the_last_again_when_that_is_taken_back_itself(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    place.publish()
    moved = place.reassign()
    taken_back = place.undo("last")
    place.undo(taken_back.run_id)
    with place.ledger.read() as connection:
        assert find_run_to_undo(connection, "last").id == moved.run_id


def test_a_run_that_was_taken_back_only_in_part_is_still_the_last(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    place.publish()
    moved = place.reassign()
    place.crm.put("accounts.csv", "A01", owner_id="T")
    assert place.undo("last").state == "partial"
    with place.ledger.read() as connection:
        assert find_run_to_undo(connection, "last").id == moved.run_id
