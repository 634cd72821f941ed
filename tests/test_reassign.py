"""Which owners change, and which stay."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.base import Change, Identity, Outcome
from connectors.errors import ReadOnlySource
from handover.ledger.states import PlanState
from handover.plan import store
from handover.plan.errors import Expired, InactiveSuccessor, Unapproved, Voided
from handover.plan.model import LooseRecord, PlannedOpportunity
from handover.transfer.checks import check_confirmed
from handover.transfer.errors import (
    DriftedApart,
    OwnerNotWritable,
    ProductionUnconfirmed,
    TooLarge,
)
from tests.worlds.memory_company import (
    MAPPING,
    NOW,
    PLAN,
    TODAY,
    Office,
    company,
    handing_over,
    office,
    outcomes,
    plan,
    row,
    with_transfer,
    written,
)

TOMORROW = TODAY + dt.timedelta(days=1)
LATER = TODAY + dt.timedelta(days=30)


def codes(place: Office) -> set[str]:
    return {note.code for note in place.prepared().notes}


def test_an_account_takes_along_what_hangs_on_it(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    assert run.error is None
    assert run.state == "finished"
    assert set(place.owners().values()) == {"S"}
    assert set(place.owners("contacts.csv").values()) == {"S"}
    assert place.owners("opportunities.csv")["O01"] == "S"
    assert set(place.owners("requests.csv").values()) == {"S"}
    assert place.owners("activities.csv")["K01"] == "S"
    assert place.state() == "in_progress"


def test_what_is_done_won_or_closed_stays(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.put("requests.csv", "R01", is_open="false")
    place.crm.put("contacts.csv", "C01", owner_id="T")
    place.sync()
    place.reassign()
    assert place.owners("opportunities.csv")["W01"] == "P"
    assert place.owners("activities.csv")["D01"] == "P"
    assert place.owners("requests.csv")["R01"] == "P"
    assert place.owners("contacts.csv")["C01"] == "T"


def test_waves_go_by_object_and_inside_a_wave_by_account(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.reassign()
    moved = [record for record, value in written(place.crm) if value == "S"]
    kinds = "ACORK"
    assert moved == [f"{kind}{n:02}" for kind in kinds for n in (1, 2, 3)]


def test_future_events_move_and_those_that_took_place_by_then_stay(
    tmp_path: Path,
) -> None:
    place = office(tmp_path)
    for key, day in (("past", "2027-03-31"), ("today", "2027-04-01")):
        at = {"kind": "visit", "is_done": "false", "happened_at": day}
        place.crm.put("activities.csv", key, owner_id="P", account_id="A01", **at)
    place.crm.put(
        "activities.csv",
        "ahead",
        owner_id="P",
        account_id="A01",
        kind="meeting",
        is_done="false",
        happened_at="2027-04-02",
    )
    place.sync()
    place.approve(plan([row(1)]))
    place.reassign()
    owners = place.owners("activities.csv")
    assert (owners["past"], owners["today"], owners["ahead"]) == ("P", "P", "S")


def test_an_opportunity_that_the_plan_does_not_know_stays_and_is_named(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    new = {"account_id": "A01", "is_closed": "false", "is_won": "false"}
    place.crm.put("opportunities.csv", "new", owner_id="P", **new)
    place.sync()
    assert "opportunities_since_approval" in codes(place)
    place.reassign()
    assert place.owners("opportunities.csv")["new"] == "P"


def test_accounts_that_came_or_went_since_the_approval_are_named(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    place.crm.put("accounts.csv", "A99", name="新規", owner_id="P")
    place.crm.delete("accounts.csv", "A03")
    place.sync()
    assert {"accounts_since_approval", "accounts_gone"} <= codes(place)
    place.reassign()
    assert place.owners() == {"A01": "S", "A02": "S", "A99": "P"}


def test_what_is_held_waits_for_its_own_day(tmp_path: Path) -> None:
    held = PlannedOpportunity(id="O01", action="hold", until=LATER)
    place = handing_over(
        tmp_path,
        row(1, opportunities=(held,)),
        row(2, mode="hold", until=LATER, effective=LATER),
        row(3, mode="exclude", reasons=("X",)),
    )
    (note,) = [n for n in place.prepared().notes if n.code == "next_due"]
    assert note.params == {"plan": PLAN, "n": 2, "date": LATER}
    place.reassign(early="急ぎ")
    assert "nothing_due" in codes(place)
    assert place.owners() == {"A01": "S", "A02": "P", "A03": "P"}
    assert place.owners("opportunities.csv")["O01"] == "P"
    assert place.owners("contacts.csv") == {"C01": "S", "C02": "P", "C03": "P"}
    place.as_of = LATER
    place.reassign()
    assert place.owners() == {"A01": "S", "A02": "S", "A03": "P"}
    assert place.owners("opportunities.csv")["O01"] == "S"


def test_nothing_due_is_a_run_with_a_warning(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1, effective=LATER))
    assert "nothing_due" in codes(place)
    run = place.reassign()
    assert (run.run_id is not None, run.counts["planned"]) == (True, 0)
    assert run.error is None
    assert place.reassign(early="前倒し").counts["done"] == 6


def test_the_policy_may_wait_for_the_successor(tmp_path: Path) -> None:
    place = handing_over(tmp_path, policy=with_transfer(require="acceptance"))
    assert codes(place) == {"not_accepted"}
    assert place.reassign().counts["planned"] == 0


def test_several_successors_each_get_their_accounts(tmp_path: Path) -> None:
    place = handing_over(
        tmp_path, row(1), row(2, successor_id="T"), successors=("S", "T")
    )
    place.reassign()
    assert place.owners() == {"A01": "S", "A02": "T", "A03": "P"}
    assert place.owners("contacts.csv") == {"C01": "S", "C02": "T", "C03": "P"}


# What hangs on several accounts


def link(place: Office, contact: str, account: str, *, primary: str = "false") -> None:
    key = f"{contact}-{account}"
    cells = {"contact_id": contact, "account_id": account, "is_primary": primary}
    place.crm.put("contact_links.csv", key, **cells)


def test_a_contact_of_several_companies_goes_by_its_primary_one(
    tmp_path: Path,
) -> None:
    place = office(tmp_path, 4)
    for key, own in (("own", "A01"), ("other", "A04"), ("linked", None)):
        place.crm.put("contacts.csv", key, owner_id="P", account_id=own, name="林")
    for contact in ("own", "other"):
        link(place, contact, "A01")
        link(place, contact, "A04")
    link(place, "linked", "A04")
    link(place, "linked", "A01", primary="true")
    place.sync()
    place.approve(plan([row(1), row(4, mode="exclude", reasons=("X",))]))
    place.reassign()
    owners = place.owners("contacts.csv")
    assert (owners["own"], owners["other"], owners["linked"]) == ("S", "P", "S")


def test_a_contact_without_a_primary_company_moves_when_all_of_them_do(
    tmp_path: Path,
) -> None:
    place = office(tmp_path)
    for key, companies in (("both", ("A01", "A02")), ("half", ("A01", "A03"))):
        place.crm.put("contacts.csv", key, owner_id="P", account_id=None, name="林")
        for linked in companies:
            link(place, key, linked)
    place.sync()
    place.approve(plan([row(1), row(2), row(3, effective=LATER)]))
    place.reassign()
    owners = place.owners("contacts.csv")
    assert (owners["both"], owners["half"]) == ("S", "P")
    place.as_of = LATER
    place.reassign()
    assert place.owners("contacts.csv")["half"] == "S"


def test_a_task_moves_when_every_account_it_resolves_to_moves(tmp_path: Path) -> None:
    place = office(tmp_path)
    task = {"owner_id": "P", "kind": "task", "is_done": "false"}
    place.crm.put("activities.csv", "one", contact_id="C01", **task)
    place.crm.put(
        "activities.csv", "two", contact_id="C01", opportunity_id="O03", **task
    )
    place.crm.put("activities.csv", "none", **task)
    place.sync()
    place.approve(plan([row(1), row(2)]))
    place.reassign()
    owners = place.owners("activities.csv")
    assert (owners["one"], owners["two"], owners["none"]) == ("S", "P", "P")


def test_loose_records_do_what_was_decided_about_them(tmp_path: Path) -> None:
    place = office(tmp_path)
    new = {"owner_id": "P", "is_closed": "false", "is_won": "false"}
    for key in ("goes", "waits", "stays"):
        place.crm.put("opportunities.csv", key, **new)
    place.sync()
    decided = [
        LooseRecord(object="opportunities", id="goes", action="transfer"),
        LooseRecord(object="opportunities", id="waits", action="hold", until=LATER),
        LooseRecord(object="opportunities", id="stays", action="leave"),
        LooseRecord(object="contacts", id="C03", action="transfer", successor="T"),
    ]
    place.approve(plan([row(1)], loose=tuple(decided)))
    place.reassign()
    (note,) = [n for n in place.prepared().notes if n.code == "nothing_due"]
    assert note.params["date"] == LATER
    owners = place.owners("opportunities.csv")
    assert (owners["goes"], owners["waits"], owners["stays"]) == ("S", "P", "P")
    assert place.owners("contacts.csv")["C03"] == "T"
    place.as_of = LATER
    place.reassign()
    assert place.owners("opportunities.csv")["waits"] == "S"


def test_owner_like_fields_of_the_mapping_move_along(tmp_path: Path) -> None:
    crm = company()
    text = MAPPING + '[transfer]\nalso = ["accounts.second"]\n'
    place = Office(folder=tmp_path, crm=crm, mapping_text=text)
    crm.put("accounts.csv", "A02", second="T")
    place.approve(plan([row(1), row(2)]))
    run = place.reassign()
    seconds = {k: r.get("second") for k, r in crm.rows("accounts.csv").items()}
    assert seconds == {"A01": "S", "A02": "T", "A03": "P"}
    assert [e.record_id for e in run.entries if e.action == "owner_field"] == ["A01"]


# Teams


def test_a_team_that_the_owner_change_drops_is_put_back(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    team = place.crm.rows("account_team.csv").values()
    assert sorted(str(r["record_id"]) for r in team) == ["A01", "A02", "A03"]
    assert {(r["user_id"], r["role"]) for r in team} == {("T", "support")}
    restored = [e for e in run.entries if e.action == "team_member"]
    assert [(e.outcome, e.code) for e in restored] == [("done", None)] * 3


def test_a_team_that_is_still_there_needs_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = handing_over(tmp_path)
    team, write = place.crm.rows("account_team.csv"), place.crm.write

    def keeping_teams(batch: Sequence[Change]) -> list[Outcome]:
        outcomes = write(batch)
        for key, seat in team.items():
            values = {name: None if v is None else str(v) for name, v in seat.items()}
            place.crm.put("account_team.csv", key, **values)
        return outcomes

    monkeypatch.setattr(place.crm, "write", keeping_teams)
    run = place.reassign()
    restored = [e for e in run.entries if e.action == "team_member"]
    assert {e.code for e in restored} == {"already"}
    assert len(place.crm.rows("account_team.csv")) == 3


def test_who_joined_a_team_after_the_sync_is_put_back_too(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    newcomer = {
        "user_id": "D",
        "role": "legal",
        "access": "Edit",
        "case_access": "Read",
    }
    place.crm.put("account_team.csv", "M99", record_id="A01", **newcomer)
    place.reassign()
    team = place.crm.rows("account_team.csv").values()
    found = [r for r in team if (r["record_id"], r["user_id"]) == ("A01", "D")]
    assert [{name: r[name] for name in newcomer} for r in found] == [newcomer]


def test_who_was_taken_off_a_team_after_the_sync_stays_off(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.erase("account_team.csv", "M01")
    place.reassign()
    team = place.crm.rows("account_team.csv").values()
    assert sorted(str(r["record_id"]) for r in team) == ["A02", "A03"]


def test_a_member_who_becomes_the_owner_stays_a_member(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.put("account_team.csv", "M01", user_id="S")
    run = place.reassign()
    assert run.error is None
    place.undo(run.run_id)
    team = place.crm.rows("account_team.csv").values()
    assert {(r["record_id"], r["user_id"]) for r in team} >= {("A01", "S")}


# Drift


def test_a_drifted_account_is_skipped_with_all_that_follows_it(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.put("accounts.csv", "A02", owner_id="T")
    run = place.reassign()
    found = outcomes(run.entries)
    assert found["A02"] == "skipped:changed"
    assert found["C02"] == found["O02"] == found["R02"] == "skipped:account_not_done"
    assert found["A01"] == found["C03"] == "done"
    assert place.owners()["A02"] == "T"
    assert place.owners("contacts.csv")["C02"] == "P"
    assert run.state == "partial"
    assert run.error is not None
    assert run.error.exit_code == 6


def test_a_drifted_child_is_skipped_alone(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.put("contacts.csv", "C02", owner_id="T")
    place.crm.erase("requests.csv", "R02")
    found = outcomes(place.reassign().entries)
    assert found["C02"] == "skipped:changed"
    assert found["R02"] == "skipped:gone"
    assert found["A02"] == found["O02"] == "done"


@pytest.mark.parametrize(("accounts", "drifted"), [(40, 5), (10, 10)])
def test_too_much_drift_stops_the_run_before_its_first_write(
    tmp_path: Path, accounts: int, drifted: int
) -> None:
    place = office(tmp_path, accounts)
    place.approve(plan(map(row, range(1, accounts + 1))))
    for n in range(1, drifted + 1):
        place.crm.put("accounts.csv", f"A{n:02}", owner_id="T")
    with pytest.raises(DriftedApart) as refused:
        place.reassign()
    assert refused.value.exit_code == 5
    assert refused.value.data is not None
    assert str(refused.value.data["drifted"]).count("'T'") == drifted
    assert place.crm.commits == []


@pytest.mark.parametrize(("accounts", "drifted"), [(40, 4), (60, 6)])
def test_little_drift_does_not_stop_a_run(
    tmp_path: Path, accounts: int, drifted: int
) -> None:
    place = office(tmp_path, accounts)
    place.approve(plan(map(row, range(1, accounts + 1))))
    for n in range(1, drifted + 1):
        place.crm.put("accounts.csv", f"A{n:02}", owner_id="T")
    run = place.reassign()
    skipped = [e for e in run.entries if e.code == "changed"]
    assert len(skipped) == drifted


# Refusals


def test_only_an_approved_plan_is_carried_out(tmp_path: Path) -> None:
    place = office(tmp_path)
    with place.ledger.begin() as connection:
        origin = store.Origin(cause="new", person="P", at=NOW)
        store.save_version(connection, plan([row(1)]), origin)
    with pytest.raises(Unapproved):
        place.reassign()


def test_an_expired_approval_no_longer_counts(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.as_of = TODAY + dt.timedelta(days=14)
    place.prepared()
    place.as_of = TODAY + dt.timedelta(days=15)
    with pytest.raises(Expired):
        place.prepared()


def test_a_voided_plan_is_refused(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    with place.ledger.begin() as connection:
        store.set_state(connection, PLAN, PlanState.VOIDED, NOW)
    with pytest.raises(Voided):
        place.reassign()


def test_whoever_takes_over_loose_records_must_be_active_too(tmp_path: Path) -> None:
    loose = LooseRecord(object="contacts", id="C03", action="transfer", successor="T")
    place = handing_over(tmp_path, row(1), loose=(loose,))
    place.crm.put("users.csv", "T", is_active="false")
    with pytest.raises(InactiveSuccessor):
        place.reassign()


def test_production_is_written_to_only_when_it_was_named(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    check_confirmed(place.crm.identify(), yes=False, named=None)
    real = Identity(org_id="memory:1", org_name="ABC", production=True)
    place.crm.identity = real
    for yes, named in ((False, None), (True, None), (False, "memory:1")):
        with pytest.raises(ProductionUnconfirmed):
            check_confirmed(place.crm.identify(), yes=yes, named=named)
    check_confirmed(place.crm.identify(), yes=True, named="memory:1")


def test_a_read_only_crm_is_refused(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.capabilities = frozenset()
    with pytest.raises(ReadOnlySource):
        place.prepared()


def test_more_accounts_than_the_policy_allows_need_a_word(tmp_path: Path) -> None:
    for rules in ({"max_accounts": 2}, {"max_share": 0.5}):
        policy = with_transfer(**rules)
        place = handing_over(tmp_path / str(policy.hash), policy=policy)
        with pytest.raises(TooLarge):
            place.reassign()
        assert place.reassign(allow_large=True).counts["done"] == 18


def test_an_owner_that_a_rule_derives_cannot_be_written(tmp_path: Path) -> None:
    text = (
        'extends = "files"\n[accounts.fields]\n'
        'owner_id = { from = "opportunities", pick = "most" }\n'
    )
    crm = company()
    place = Office(folder=tmp_path, crm=crm, mapping_text=text)
    place.approve(plan([row(1)]))
    with pytest.raises(OwnerNotWritable):
        place.reassign()


def test_the_same_facts_give_the_same_steps(tmp_path: Path) -> None:
    one, two = handing_over(tmp_path / "one"), handing_over(tmp_path / "two")
    assert one.rehearse().entries == two.rehearse().entries


def test_every_step_names_the_approval(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    fingerprint = place.approved().fingerprint
    found = {e.authority for e in place.reassign().entries}
    assert found == {f"plan:{PLAN}@{fingerprint[:12]}"}
