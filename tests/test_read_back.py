"""Done means read back: what a CRM calls done may be undone by a rule of its own."""

from collections.abc import Mapping
from pathlib import Path

from connectors.base import Change, Create, SetField
from handover.policy import Policy
from tests.worlds.memory_company import (
    Office,
    changes_of,
    handing_over,
    office,
    outcomes,
    plan,
    row,
)
from tests.worlds.small_company import POLICY

OVERRULED = "refused:overruled"


def keeps(owner: str | None, *records: str, name: str = "owner_id") -> object:
    """An automation that sets the owner of some records in the save of a change."""

    def overrule(change: Change) -> Mapping[str, str | None]:
        own = isinstance(change, SetField) and change.id in records
        return {name: owner} if own else {}

    return overrule


def overruling(
    folder: Path, owner: str | None, *records: str, policy: Policy = POLICY
) -> Office:
    place = handing_over(folder, policy=policy)
    place.crm.faults.overrule = keeps(owner, *records)  # type: ignore[assignment]
    return place


def test_an_account_that_keeps_its_owner_is_no_done_one(tmp_path: Path) -> None:
    place = overruling(tmp_path, "P", "A01")
    run = place.reassign()
    found = outcomes(run.entries)
    assert found["A01"] == OVERRULED
    assert found["A02"] == "done"
    assert {found[child] for child in ("C01", "O01", "R01", "K01")} == {
        "skipped:account_not_done"
    }
    assert found["C02"] == "done"
    assert (run.state, run.error and run.error.code) == ("partial", "partly")
    assert place.owners("contacts.csv")["C01"] == "P"


def test_what_the_crm_holds_instead_is_told(tmp_path: Path) -> None:
    place = overruling(tmp_path, "T", "A01", "O02")
    told = {entry.record_id: entry.message for entry in place.reassign().entries}
    assert (told["A01"], told["O02"], told["A02"]) == ("T", "T", None)


def test_a_later_run_of_the_approval_does_not_send_it_again(tmp_path: Path) -> None:
    for owner in ("P", "T", None):
        place = overruling(tmp_path / str(owner), owner, "A01", "O02")
        place.reassign()
        for _ in range(2):
            again = place.reassign()
            found = outcomes(again.entries)
            assert found["A01"] == found["O02"] == "skipped:overruled"
            assert found["C01"] == "skipped:account_not_done"
            assert again.state == "partial"
        assert set(changes_of(place.crm).values()) == {1}


def test_many_that_are_overruled_are_no_drift(tmp_path: Path) -> None:
    rules = POLICY.transfer.model_copy(update={"drift_min": 2})
    policy = POLICY.model_copy(update={"transfer": rules})
    place = overruling(tmp_path, "T", "A01", "A02", "A03", policy=policy)
    place.reassign()
    assert outcomes(place.reassign().entries)["A01"] == "skipped:overruled"


def test_somebody_who_sees_to_it_by_hand_ends_it(tmp_path: Path) -> None:
    place = overruling(tmp_path, "P", "A01")
    place.reassign()
    place.crm.put("accounts.csv", "A01", owner_id="S")
    run = place.reassign()
    assert outcomes(run.entries)["A01"] == "done:already"
    assert run.state == "finished"
    assert place.owners("contacts.csv")["C01"] == "S"


def test_rows_that_are_named_are_sent_again(tmp_path: Path) -> None:
    from handover.transfer.run_files import Rows

    for owner in ("P", "T"):
        place = overruling(tmp_path / owner, owner, "A01")
        place.reassign()
        place.crm.faults.overrule = keeps("P")  # type: ignore[assignment]
        rows = Rows(name="rows.csv", ids=frozenset({"A01"}))
        assert place.reassign(rows=rows).state == "finished"
        assert place.owners("contacts.csv")["C01"] == "S"


def test_an_undo_that_is_overruled_says_so(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    place.crm.faults.overrule = keeps("S", "A01")  # type: ignore[assignment]
    undone = place.undo(run.run_id)
    assert outcomes(undone.entries)["A01"] == OVERRULED
    assert place.owners("contacts.csv")["C01"] == "S"
    again = place.undo(run.run_id)
    assert outcomes(again.entries)["A01"] == "skipped:overruled"


def test_owner_like_fields_and_team_members_are_read_back(tmp_path: Path) -> None:
    text = 'extends = "files"\n[transfer]\nalso = ["accounts.second"]\n'
    made = office(tmp_path, 3)
    place = Office(folder=tmp_path, crm=made.crm, mapping_text=text)
    place.approve(plan(tuple(map(row, (1, 2, 3)))))

    def overrule(change: Change) -> Mapping[str, str | None]:
        if isinstance(change, Create):
            return {"role": "other"}
        return {"second": "P"} if change.field == "second" else {}

    place.crm.faults.overrule = overrule
    found = {
        (entry.action, entry.outcome, entry.code) for entry in place.reassign().entries
    }
    assert ("owner_field", "refused", "overruled") in found
    assert ("team_member", "refused", "overruled") in found
    assert ("account_owner", "done", None) in found


def test_a_task_that_goes_to_somebody_else_is_told_once(tmp_path: Path) -> None:
    place = handing_over(tmp_path)

    def overrule(change: Change) -> Mapping[str, str | None]:
        return {"owner_id": "T"} if isinstance(change, Create) else {}

    place.crm.faults.overrule = overrule
    run = place.publish()
    assert {(e.outcome, e.code) for e in run.entries} == {("refused", "overruled")}
    assert {e.message for e in run.entries} == {"owner_id=T"}
    sent = len(place.crm.commits)
    place.publish()
    assert len(place.crm.commits) == sent


def test_texts_of_a_task_may_be_edited_by_the_crm(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.faults.overrule = lambda _change: {"text": "<p>edited</p>"}
    assert place.publish().state == "finished"


def test_a_run_that_died_before_it_read_back_is_read_by_the_next(
    tmp_path: Path,
) -> None:
    class Died(BaseException):
        pass

    def die(point: str) -> None:
        if point == "outcome_recorded":
            raise Died

    place = overruling(tmp_path, "P", "A01")
    place.reached = die
    try:
        place.reassign()
    except Died:
        place.reached = lambda _point: None
    run = place.reassign()
    assert outcomes(run.entries)["A01"] == "skipped:overruled"
    assert place.owners("contacts.csv")["C01"] == "P"
    assert place.owners("contacts.csv")["C02"] == "S"
