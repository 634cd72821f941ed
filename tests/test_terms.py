"""What an approval rests on besides a plan's rows, changed after it was given."""

from pathlib import Path
from typing import Any

import pytest

from handover.i18n import words_for
from handover.ledger.states import PlanState
from handover.mirror.people import People
from handover.plan import approval, store
from handover.plan.errors import NotYours, TermsChanged, WrongState
from handover.plan.model import Plan
from handover.plan.terms import Circumstances
from handover.policy import Policy
from mappings.load import load_mapping
from tests.worlds.memory_company import (
    MAPPING,
    PLAN,
    Office,
    handing_over,
    outcomes,
    plan,
    row,
    with_transfer,
)
from tests.worlds.small_company import by, people

SECOND = '[accounts.fields]\nowner_id = "second"\n'
STATUS = '[write.task.status]\nfield = "kind"\nopen = "task"\ndone = "call"\n'
WITHOUT_MEANING = '[accounts.extra]\nequipment = "second"\n# nothing else\n'
GUARDS: dict[str, object] = {
    "require": "acceptance",
    "max_accounts": 1000,
    "max_share": 0.9,
    "drift_share": 1.0,
    "drift_min": 500,
    "undo_by": ("T",),
    "on_behalf": False,
}


def told(error: TermsChanged) -> str:
    """Say in words why a plan is refused."""
    return str(words_for("en").sentence(error))


def remap(place: Office, *lines: str) -> None:
    """Edit the mapping that a working folder goes by."""
    text = MAPPING + "".join(lines)
    (place.folder / "map.toml").write_text(text, encoding="utf-8")
    place.mapping = load_mapping("map.toml", place.folder)


def refusal(place: Office, act: str = "reassign") -> str:
    """Have a run refused before its first write; say why."""
    before = len(place.crm.commits)
    with pytest.raises(TermsChanged) as refused:
        getattr(place, act)()
    assert refused.value.exit_code == 5
    assert len(place.crm.commits) == before
    return told(refused.value)


WRITTEN_ELSEWHERE = [
    (SECOND, "owner of accounts is written to accounts.*: second, before to accounts"),
    ('[transfer]\nalso = ["accounts.second"]\n', "owner field accounts.second"),
    ('[contacts.fields]\nid = "name"\n', "records of contacts are found by"),
    (STATUS, "our tasks, status.field: kind, before is_done"),
    ('[write]\ntask_key = "mark"\n', "our tasks, task_key: mark, before"),
]


def test_another_field_than_was_approved_is_named_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    for line, said in WRITTEN_ELSEWHERE:
        remap(place, line)
        for act in ("publish", "reassign", "rehearse"):
            assert said in refusal(place, act)
    remap(place)
    assert place.reassign().error is None


def test_a_mapping_that_writes_the_same_keeps_the_approval(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    remap(place, WITHOUT_MEANING)
    assert place.reassign().error is None


def test_another_guard_than_was_approved_is_named(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    for rule, value in GUARDS.items():
        place.policy = with_transfer(**{rule: value})
        assert f"policy transfer.{rule}: " in refusal(place)


def test_every_guard_of_the_policy_is_among_them() -> None:
    assert set(GUARDS) == set(type(with_transfer().transfer).model_fields)


def company(place: Office, **changes: dict[str, Any]) -> None:
    """Edit the people that a working folder knows."""

    def now() -> Circumstances:
        known = people(**changes)
        return Circumstances(people=known, policy=place.policy, mapping=place.mapping)

    place.circumstances = now  # type: ignore[method-assign]


def test_who_may_decide_since_the_submission_is_named(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    for user, delegate, said in (
        ("M", "T", "鈴木 may decide now, and could not before"),
        ("M", None, "伊藤 may no longer decide"),
        ("D", "S", "田中 may take runs back now"),
    ):
        company(place, **{user: {"delegate_id": delegate}})
        assert said in refusal(place)


def test_somebody_who_moves_to_another_team_hands_over_all_the_same(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    company(place, P={"manager_id": "B"})
    assert place.reassign().error is None


# Approving, and submitting again


def decide(place: Office, act: str, person: str) -> Plan:
    """Have a person decide on the plan as it stands."""
    with place.ledger.begin() as connection:
        known = store.load(connection, PLAN)
        today = (place.as_of,) if act == "submit" else ()
        done: Plan = getattr(approval, act)(
            connection, known, by(person), place.circumstances(), *today
        )
        return done


def test_a_plan_that_was_submitted_on_other_terms_is_not_approved(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    remap(place, SECOND)
    assert decide(place, "submit", "P").state is PlanState.SUBMITTED
    remap(place)
    with pytest.raises(TermsChanged):
        decide(place, "approve", "M")


def test_what_is_approved_again_is_carried_out_on_its_new_terms(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    before = place.approved()
    remap(place, SECOND)
    submitted = decide(place, "submit", "P")
    assert submitted.version == before.plan.version + 1
    assert submitted.fingerprint != before.fingerprint
    assert submitted.rows[0].effective == before.plan.rows[0].effective
    assert decide(place, "approve", "M").state is PlanState.APPROVED
    assert place.reassign().error is None
    seconds = {cells["second"] for cells in place.crm.rows("accounts.csv").values()}
    assert seconds == {"S"}


def test_what_was_carried_out_stays_so_when_the_terms_are_renewed(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    place.reassign()
    place.policy = with_transfer(max_accounts=7)
    decide(place, "submit", "M")
    with place.ledger.begin() as connection, pytest.raises(WrongState):
        approval.void(connection, store.load(connection, PLAN), by("M"), people())
    assert decide(place, "approve", "D").state is PlanState.IN_PROGRESS
    assert place.reassign().counts["planned"] == 0


def test_terms_that_have_not_changed_are_not_submitted_again(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    with pytest.raises(WrongState):
        decide(place, "submit", "P")


def test_a_stranger_renews_no_terms(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    remap(place, SECOND)
    with pytest.raises(NotYours):
        decide(place, "submit", "T")


def test_a_plan_from_before_approvals_covered_all_this_is_submitted_again(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    old = plan([row(1), row(2), row(3)])
    with place.ledger.begin() as connection:
        origin = store.Origin(cause="edit", person="P", at=place.clock())
        fresh = old.model_copy(update={"version": 2})
        store.save_version(connection, fresh, origin)
        made = store.load(connection, PLAN)
        store.record_decision(
            connection,
            made,
            "approve",
            by("M"),
            as_delegate=False,
            state=PlanState.APPROVED,
        )
    assert "older version" in refusal(place)
    decide(place, "submit", "P")
    decide(place, "approve", "M")
    assert place.reassign().error is None


# While a run is under way


def test_a_mapping_edited_during_a_run_stops_it_at_the_next_batch(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)

    def reached(point: str) -> None:
        if point == "wave_read_back":
            remap(place, SECOND)

    place.reached = reached
    run = place.reassign()
    found = outcomes(run.entries)
    assert {found[key] for key in ("A01", "A02", "A03")} == {"done"}
    assert found["C01"] == "skipped:terms_changed"
    assert run.error is not None
    assert run.error.exit_code == 5


# Taking back


def test_owners_are_put_back_where_they_were_set_whatever_the_mapping_says(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    remap(place, SECOND)
    assert place.undo(run.run_id).error is None
    assert set(place.owners().values()) == {"P"}


def test_tasks_are_not_closed_in_another_way_than_was_approved(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.publish()
    before = len(place.crm.commits)
    remap(place, STATUS)
    with pytest.raises(TermsChanged) as refused:
        place.undo(run.run_id)
    assert "status.field" in told(refused.value)
    assert len(place.crm.commits) == before


def test_people_and_policy_have_one_meaning(tmp_path: Path) -> None:
    """The terms say the same for the same people, however they are listed."""
    place = handing_over(tmp_path)
    known = people()
    again = People(by_id=dict(reversed(list(known.by_id.items()))), file=known.file)
    policy = Policy.model_validate_json(place.policy.text)
    now = Circumstances(people=again, policy=policy, mapping=place.mapping)
    assert now.list_differences(place.approved().plan) == []
