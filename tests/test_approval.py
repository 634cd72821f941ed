import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from handover.errors import AmbiguousName, HandoverError, UnknownName
from handover.i18n import words_for
from handover.ledger import Ledger
from handover.ledger.events import verify
from handover.ledger.seals import LedgerChanged
from handover.ledger.states import Mode, PlanState
from handover.ledger.tables import plan_versions, runs, steps
from handover.plan import approval, errors, store
from handover.plan.build import seal
from handover.plan.model import LooseRecord, Plan
from handover.plan.moves import Move
from handover.plan.terms import Circumstances
from tests.worlds.small_company import (
    NOW,
    POLICY,
    TODAY,
    by,
    key_account,
    now,
    people,
    plan_of,
    row_of,
    with_opportunity,
)

DAY = dt.date(2027, 3, 3)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Connection]:
    with Ledger.open(tmp_path / "ledger.sqlite").begin() as connection:
        yield connection


def kept(ledger: Connection, plan: Plan | None = None, **changes: Any) -> Plan:
    found = plan or plan_of([with_opportunity(1), with_opportunity(2)])
    found = found.model_copy(update=changes)
    found = seal(found.model_copy(update={"terms": now().read_terms(found)}))
    store.save_version(ledger, found, store.Origin(cause="new", person="P", at=NOW))
    return store.load(ledger, found.id)


def submitted(
    ledger: Connection, who: str = "P", known: Circumstances | None = None
) -> Plan:
    return approval.submit(ledger, kept(ledger), by(who), known or now(), TODAY)


def test_a_plan_comes_back_from_the_ledger_as_it_went_in(ledger: Connection) -> None:
    plan = plan_of([key_account(1), with_opportunity(2)])
    loaded = kept(ledger, plan)
    assert loaded.model_copy(update={"terms": None, "fingerprint": ""}) == (
        plan.model_copy(update={"fingerprint": ""})
    )
    assert store.load(ledger, plan.id, 1) == loaded


def test_who_submits_first_is_the_author(ledger: Connection) -> None:
    plan = submitted(ledger)
    assert (plan.state, plan.author) == (PlanState.SUBMITTED, "P")


@pytest.mark.parametrize("who", ["S", "B", "N"])
def test_a_stranger_hands_no_plan_to_the_manager(ledger: Connection, who: str) -> None:
    with pytest.raises(errors.NotYours) as caught:
        submitted(ledger, who)
    assert caught.value.params["deciders"] == "佐藤, 高橋, 伊藤"
    assert store.load(ledger, "2027-03-p-s").author is None


def test_the_manager_approves_and_that_is_the_authority(ledger: Connection) -> None:
    plan = approval.approve(ledger, submitted(ledger), by("M"), now())
    assert plan.state is PlanState.APPROVED
    assert {row.state for row in plan.rows} == {"approved"}
    authority = approval.load_approved(ledger, plan.id, DAY, now())
    assert authority.plan == plan
    assert (authority.approver_id, authority.approved_at) == ("M", NOW)
    assert authority.fingerprint == plan.computed_fingerprint()
    assert verify(ledger) == []


@pytest.mark.parametrize(
    ("author", "approver", "changes"),
    [
        ("P", "M", {}),
        ("P", "D", {}),
        ("M", "D", {}),
        ("M", "B", {"M": {"delegate_id": None}}),
        ("P", "B", {"M": {"is_active": False, "delegate_id": None}}),
        ("D", "M", {}),
    ],
)
def test_the_right_person_approves(
    ledger: Connection, author: str, approver: str, changes: dict[str, Any]
) -> None:
    known = now(**changes)
    plan = submitted(ledger, author, known)
    done = approval.approve(ledger, plan, by(approver), known)
    assert done.state is PlanState.APPROVED
    made = store.list_decisions(ledger, plan.id)[-1]
    assert made.as_delegate is (approver == "D")


@pytest.mark.parametrize(
    ("author", "approver", "changes"),
    [
        ("P", "P", {}),
        ("P", "S", {}),
        ("P", "B", {}),
        ("M", "M", {}),
        ("M", "P", {}),
        ("M", "B", {}),
        ("D", "D", {}),
        ("P", "M", {"M": {"is_active": False}}),
        ("M", "P", {"M": {"delegate_id": "P"}}),
    ],
)
def test_nobody_else_approves_or_rejects(
    ledger: Connection, author: str, approver: str, changes: dict[str, Any]
) -> None:
    known = now(**changes)
    plan = submitted(ledger, author, known)
    with pytest.raises(errors.WrongApprover):
        approval.approve(ledger, plan, by(approver), known)
    with pytest.raises(errors.WrongApprover):
        approval.reject(ledger, plan, by(approver), known)


def test_another_persons_login_needs_a_reason_that_is_kept(ledger: Connection) -> None:
    known = now(M={"login": "takahashi"})
    plan = submitted(ledger, known=known)
    with pytest.raises(errors.OnBehalfNeeded):
        approval.approve(ledger, plan, by("M", actor="ops"), known)
    decision = by("M", actor="ops", on_behalf="出張中")
    approval.approve(ledger, plan, decision, known)
    assert approval.load_approved(ledger, plan.id, DAY, now()).on_behalf == "出張中"


def test_the_policy_may_forbid_deciding_for_others(ledger: Connection) -> None:
    transfer = POLICY.transfer.model_copy(update={"on_behalf": False})
    strict = POLICY.model_copy(update={"transfer": transfer})
    known = replace(now(M={"login": "takahashi"}), policy=strict)
    decision = by("M", actor="ops", on_behalf="出張中")
    with pytest.raises(errors.OnBehalfForbidden):
        approval.approve(ledger, submitted(ledger, known=known), decision, known)


def test_the_evidence_is_kept_with_the_decision(ledger: Connection) -> None:
    evidence = {"kind": "file", "name": "plan.xlsx", "sha256": "ab" * 32}
    decision = by("M", evidence=evidence, reason="確認済み")
    plan = approval.approve(ledger, submitted(ledger), decision, now())
    made = store.list_decisions(ledger, plan.id)[-1]
    assert made.by == decision
    assert (made.version, made.fingerprint) == (plan.version, plan.fingerprint)


# What must be decided before.


def undecided_rows(**changes: Any) -> Plan:
    plan = plan_of([with_opportunity(1), with_opportunity(2)])
    rows = [row_of(plan, "A01").model_copy(update=changes), row_of(plan, "A02")]
    return plan.model_copy(update={"rows": tuple(rows)})


LOOSE = LooseRecord(object="requests", id="R1", action=None)
OPEN: list[tuple[type[HandoverError], Plan]] = [
    (errors.VisitUndecided, undecided_rows(visit=None)),
    (errors.SuccessorMissing, undecided_rows(successor_id=None)),
    (errors.InactiveSuccessor, undecided_rows(successor_id="X")),
    (errors.LooseUndecided, undecided_rows().model_copy(update={"loose": (LOOSE,)})),
]


@pytest.mark.parametrize(("error", "plan"), OPEN, ids=[e.code for e, _ in OPEN])
def test_a_plan_with_something_open_cannot_be_submitted(
    ledger: Connection, error: type[HandoverError], plan: Plan
) -> None:
    with pytest.raises(error):
        approval.submit(ledger, kept(ledger, plan), by("P"), now(), TODAY)


def test_co_attendance_is_decided_at_the_latest_with_the_approval(
    ledger: Connection,
) -> None:
    known = now()
    kept_plan = kept(ledger, plan_of([key_account(1)]))
    sent = approval.submit(ledger, kept_plan, by("P"), known, TODAY)
    with pytest.raises(errors.CoAttendanceUndecided):
        approval.approve(ledger, sent, by("M"), known)


def test_what_is_left_out_needs_no_decision(ledger: Connection) -> None:
    plan = undecided_rows(mode=Mode.EXCLUDE, successor_id=None, visit=None)
    loose = LooseRecord(object="contacts", id="C1", action="leave")
    plan = plan.model_copy(update={"loose": (loose,)})
    done = approval.submit(ledger, kept(ledger, plan), by("P"), now(), TODAY)
    assert done.state is PlanState.SUBMITTED


# States.


def test_a_draft_gives_no_authority(ledger: Connection) -> None:
    with pytest.raises(errors.Unapproved):
        approval.load_approved(ledger, kept(ledger).id, DAY, now())


def test_a_submitted_plan_gives_none_either(ledger: Connection) -> None:
    with pytest.raises(errors.Unapproved):
        approval.load_approved(ledger, submitted(ledger).id, DAY, now())


def approved(ledger: Connection) -> Plan:
    return approval.approve(ledger, submitted(ledger), by("M"), now())


def test_content_that_was_not_approved_gives_no_authority(ledger: Connection) -> None:
    plan = approved(ledger)
    other = plan.model_copy(update={"effective": dt.date(2027, 4, 1)})
    ledger.execute(update(plan_versions).values(content=other.model_dump(mode="json")))
    with pytest.raises(LedgerChanged):
        approval.load_approved(ledger, plan.id, DAY, now())


def test_the_next_version_is_not_approved_by_the_last(ledger: Connection) -> None:
    plan = approved(ledger)
    kept(ledger, plan, version=2)
    with pytest.raises(errors.Unapproved):
        approval.load_approved(ledger, plan.id, DAY, now())


def test_an_approval_expires_two_weeks_after_the_last_effective_date(
    ledger: Connection,
) -> None:
    plan = approved(ledger)
    last = plan.effective + dt.timedelta(days=14)
    assert approval.load_approved(ledger, plan.id, last, now()).plan.id == plan.id
    with pytest.raises(errors.Expired):
        approval.load_approved(ledger, plan.id, last + dt.timedelta(days=1), now())


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (PlanState.VOIDED, errors.Voided),
        (PlanState.CLOSED, errors.Closed),
        (PlanState.REJECTED, errors.Unapproved),
    ],
)
def test_an_ended_plan_says_how_it_ended(
    ledger: Connection, state: PlanState, error: type[HandoverError]
) -> None:
    plan = approved(ledger)
    store.set_state(ledger, plan.id, state, NOW)
    with pytest.raises(error):
        approval.load_approved(ledger, plan.id, DAY, now())


def test_a_rejected_plan_is_sent_back_with_the_reason(ledger: Connection) -> None:
    plan = approval.reject(
        ledger, submitted(ledger), by("M", reason="期間が短い"), now()
    )
    assert plan.state is PlanState.REJECTED
    assert store.list_decisions(ledger, plan.id)[-1].by.reason == "期間が短い"


@pytest.mark.parametrize("who", ["P", "M", "D"])
def test_author_and_managers_may_void_a_plan(ledger: Connection, who: str) -> None:
    plan = approval.void(ledger, approved(ledger), by(who), people())
    assert plan.state is PlanState.VOIDED


def test_others_may_not(ledger: Connection) -> None:
    with pytest.raises(errors.NotYours):
        approval.void(ledger, submitted(ledger), by("S"), people())


def test_a_plan_that_is_being_carried_out_cannot_be_voided(ledger: Connection) -> None:
    plan = approved(ledger)
    store.set_state(ledger, plan.id, PlanState.IN_PROGRESS, NOW)
    with pytest.raises(errors.WrongState):
        approval.void(ledger, store.load(ledger, plan.id), by("M"), people())


def test_only_a_draft_is_submitted_and_only_what_is_submitted_approved(
    ledger: Connection,
) -> None:
    plan = approved(ledger)
    with pytest.raises(errors.WrongState):
        approval.submit(ledger, plan, by("P"), now(), TODAY)
    with pytest.raises(errors.WrongState):
        approval.approve(ledger, plan, by("M"), now())


def test_two_open_plans_never_hold_the_same_account(ledger: Connection) -> None:
    submitted(ledger)
    second = kept(ledger, id="2027-03-p-s-2")
    with pytest.raises(errors.AlreadyPlanned) as caught:
        approval.submit(ledger, second, by("P"), now(), TODAY)
    assert caught.value.params["plan"] == "2027-03-p-s"


# Somebody who has left.


def left_by(ledger: Connection, **decided: Any) -> Plan:
    """The plan of P, who is no longer active, for one of two customers."""
    accounts = [with_opportunity(1), with_opportunity(2)]
    moves = (Move(account_id="A01", successor_id="S"), *decided.pop("moves", ()))
    return kept(ledger, plan_of(accounts, moves=moves, absent=True), **decided)


GONE = now(P={"is_active": False})


def test_somebody_who_has_left_keeps_no_customer(ledger: Connection) -> None:
    with pytest.raises(errors.LeaverKeeps) as caught:
        approval.submit(ledger, left_by(ledger), by("M"), GONE, TODAY)
    assert caught.value.params["records"] == ("客先02",)


def test_who_cannot_take_part_keeps_a_customer_only_if_a_person_says_so(
    ledger: Connection,
) -> None:
    plan = left_by(ledger)
    with pytest.raises(errors.AbsentUndecided) as caught:
        approval.submit(ledger, plan, by("M"), now(), TODAY)
    assert caught.value.params["accounts"] == ("客先02",)
    rows = [
        row if row.mode is not Mode.EXCLUDE else row.model_copy(update={"mode_by": "M"})
        for row in plan.rows
    ]
    decided = left_by(ledger, version=2, rows=tuple(rows))
    assert (
        approval.submit(ledger, decided, by("M"), now(), TODAY).state
        is PlanState.SUBMITTED
    )


def test_what_another_open_plan_hands_over_is_given_to_somebody(
    ledger: Connection,
) -> None:
    moves = (Move(account_id="A02", successor_id="T"),)
    other = plan_of([with_opportunity(2)], moves=moves)
    other = kept(ledger, other, id="2027-03-p-t")
    approval.submit(ledger, other, by("P"), now(), TODAY)
    decided = approval.submit(ledger, left_by(ledger), by("M"), GONE, TODAY)
    assert decided.state is PlanState.SUBMITTED


@pytest.mark.parametrize("action", ["leave", "hold"])
@pytest.mark.parametrize("table", ["opportunities", "requests", "activities"])
def test_somebody_who_has_left_keeps_nothing_on_which_somebody_has_to_act(
    ledger: Connection, table: Any, action: Any
) -> None:
    loose = LooseRecord(object=table, id="O9", name="増設", action=action)
    rest = (Move(account_id="A02", successor_id="S"),)
    with pytest.raises(errors.LeaverKeeps) as caught:
        approval.submit(
            ledger, left_by(ledger, moves=rest, loose=(loose,)), by("M"), GONE, TODAY
        )
    said = str(words_for("en").sentence(caught.value))
    assert "増設 (O9)" in said


# The store.


def test_a_plan_is_found_by_the_beginning_of_its_id(ledger: Connection) -> None:
    kept(ledger)
    kept(ledger, id="2027-03-p-t")
    assert store.find_plan(ledger, "2027-03-p-s") == "2027-03-p-s"
    assert store.find_plan(ledger, "2027-03-p-t") == "2027-03-p-t"
    with pytest.raises(AmbiguousName):
        store.find_plan(ledger, "2027-03")
    with pytest.raises(UnknownName) as caught:
        store.find_plan(ledger, "2027-03-q-s")
    assert caught.value.params["suggestion"] == "2027-03-p-s"


def test_a_taken_id_gets_a_number(ledger: Connection) -> None:
    assert store.find_unused_id(ledger, "2027-03-p-s") == "2027-03-p-s"
    kept(ledger)
    assert store.find_unused_id(ledger, "2027-03-p-s") == "2027-03-p-s-2"


def test_a_month_that_names_nobody_is_counted_up(ledger: Connection) -> None:
    assert store.find_unused_id(ledger, "2027-03") == "2027-03-1"
    kept(ledger, id="2027-03-1")
    assert store.find_unused_id(ledger, "2027-03") == "2027-03-2"
    assert store.find_plan(ledger, "2027-03-1") == "2027-03-1"


def run_of(ledger: Connection, number: int, kind: str, plan: Plan) -> None:
    ledger.execute(
        insert(runs).values(
            id=f"r{number}",
            serial=number,
            kind=kind,
            source="files",
            org_id="org",
            plan_id=plan.id,
            state="finished",
            actor="ops",
            started_at=f"2027-03-0{number}T00:00:00+00:00",
        )
    )
    ledger.execute(
        insert(steps).values(
            run_id=f"r{number}",
            n=1,
            source="files",
            account_id="A01",
            action="account_owner",
            object="accounts",
            before="P" if kind == "reassign" else "S",
            after="S" if kind == "reassign" else "P",
            authority="plan",
            outcome="done",
        )
    )


def test_a_row_says_when_its_owner_has_changed_and_when_it_was_undone(
    ledger: Connection,
) -> None:
    plan = approved(ledger)
    run_of(ledger, 1, "reassign", plan)
    rows = {r.account_id: r.state for r in store.load(ledger, plan.id).rows}
    assert rows == {"A01": "owner_changed", "A02": "approved"}
    run_of(ledger, 2, "undo", plan)
    assert row_of(store.load(ledger, plan.id), "A01").state == "approved"
