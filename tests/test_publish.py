"""The plan as tasks: for whom, by when, in what words, and never twice."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Create
from handover.i18n import words_for
from handover.plan import approval, store
from handover.plan.model import Plan, PlannedOpportunity, Row
from handover.transfer import site_tasks
from handover.transfer.errors import NotAnnounced, NoTaskMapping
from handover.transfer.tasks import (
    Moved,
    Preparing,
    Purpose,
    WantedTask,
    account_of,
    preparer,
    wanted_tasks,
)
from tests.worlds.memory_company import (
    PLAN,
    TASKS,
    TODAY,
    Office,
    company,
    handing_over,
    outcomes,
    plan,
    row,
    visit,
)
from tests.worlds.small_company import COMPANY, by

MUST = ("contacts.person", "purchases.reason")
NOTHING = Moved()
VISIT_DAY = dt.date(2027, 3, 10)
LATER = TODAY + dt.timedelta(days=30)


def wanted(made: Plan, moved: Moved = NOTHING) -> tuple[WantedTask, ...]:
    """The tasks a plan asks for; the information is ready three working days before."""
    rules = Preparing(preparer="P", must=MUST, company=COMPANY, prepare_days=3)
    return wanted_tasks(made, rules, moved)


def asked(made: Plan, moved: Moved = NOTHING) -> dict[str, dt.date]:
    """The tasks a plan asks for, account, purpose and user, with their due dates."""
    start = f"handover:{PLAN}:memory:"
    return {
        task.key(made).removeprefix(start): task.due for task in wanted(made, moved)
    }


def tasks(place: Office) -> dict[str, dict[str, object]]:
    """The tasks in the CRM by what their key says."""
    start = f"handover:{PLAN}:memory:"
    return {
        str(cells["handover_key"]).removeprefix(start): dict(cells)
        for cells in place.crm.rows(TASKS).values()
    }


def amend(place: Office, *rows: Row, **known: object) -> None:
    """Put the next version of the plan on record, and approve it."""
    with place.ledger.begin() as connection:
        version = store.load(connection, PLAN).version + 1
        made = place.on_terms_of_now(plan(rows, version=version, **known))
        origin = store.Origin(cause="edit", person="P", at=place.clock())
        store.save_version(connection, made, origin)
        loaded = store.load(connection, PLAN)
        approval.approve(connection, loaded, by("M"), place.circumstances())


# What is asked of whom


def test_a_visit_is_a_task_of_everybody_who_attends() -> None:
    meeting = visit(VISIT_DAY, "P", "S", "M")
    made = plan([row(1, mode="meet", visit=meeting)])
    assert asked(made) == {f"A01:visit:{user}": VISIT_DAY for user in "PSM"}


def test_information_is_prepared_before_and_accepted_on_the_day() -> None:
    made = plan([row(1)])
    assert asked(made) == {
        "A01:prepare:P": dt.date(2027, 3, 29),
        "A01:accept:S": TODAY,
    }


def test_gaps_are_one_task_that_names_the_must_items() -> None:
    gaps = ("contacts.person", "contacts.preference", "purchases.reason")
    made = plan([row(1, gaps=gaps, waived=("purchases.reason",))])
    (task,) = [t for t in wanted(made) if t.purpose == "gaps"]
    assert task.gaps == ("contacts.person",)
    assert task.due < TODAY
    assert "A01:prepare:P" not in asked(made)
    none = plan([row(1, gaps=("contacts.preference",))])
    assert "A01:gaps:P" not in asked(none)


def test_information_is_ready_before_the_customers_own_visit() -> None:
    meeting = visit(VISIT_DAY, "P", "S")
    late = dt.date(2027, 3, 24)
    made = plan(
        [
            row(1, mode="meet", visit=meeting, gaps=MUST),
            row(2, mode="meet", visit=visit(late, "P", "S"), gaps=MUST),
            row(3, gaps=MUST, effective=LATER),
        ]
    )
    found = asked(made)
    assert found["A01:gaps:P"] == dt.date(2027, 3, 5)
    assert found["A02:gaps:P"] == dt.date(2027, 3, 18)  # 21 and 22 March are off
    assert found["A03:gaps:P"] == dt.date(2027, 4, 27)  # so is 29 April


def test_nothing_is_due_before_the_announcement() -> None:
    announce = dt.date(2027, 3, 9)
    meeting = row(1, mode="meet", visit=visit(VISIT_DAY, "P", "S"), gaps=MUST)
    assert asked(plan([meeting], announce=announce))["A01:gaps:P"] == announce


def test_what_is_held_reminds_both_when_the_hold_ends() -> None:
    made = plan([row(1, mode="hold", until=LATER, effective=LATER)])
    assert asked(made) == {"A01:hold:P": LATER, "A01:hold:S": LATER}
    assert asked(made, Moved(accounts={"A01"})) == {}


def test_a_held_opportunity_reminds_both_until_it_is_given_away() -> None:
    later = LATER + dt.timedelta(days=5)
    held = (
        PlannedOpportunity(id="O1", action="hold", until=LATER),
        PlannedOpportunity(id="O2", action="hold", until=later),
        PlannedOpportunity(id="O3", action="transfer"),
    )
    made = plan([row(1, mode="meet", opportunities=held)])
    assert asked(made) == {"A01:hold:P": LATER, "A01:hold:S": LATER}
    (first, _) = wanted(made, Moved(accounts={"A01"}, opportunities={"O1"}))
    assert (first.due, first.held) == (later, held[1:2])
    assert asked(made, Moved(opportunities={"O1", "O2"})) == {}


def test_a_visit_before_the_end_of_a_hold_is_a_task() -> None:
    held = row(
        1, mode="hold", until=LATER, effective=LATER, visit=visit(VISIT_DAY, "P", "S")
    )
    found = asked(plan([held]))
    assert found["A01:visit:S"] == VISIT_DAY
    assert found["A01:hold:S"] == LATER


def test_an_excluded_account_asks_for_nothing() -> None:
    made = plan([row(1, mode="exclude", reasons=("X",), gaps=MUST)])
    assert asked(made) == {}


def test_the_delegate_prepares_for_somebody_absent() -> None:
    assert preparer(plan([row(1)]), "D") == "P"
    assert preparer(plan([row(1)], absent=True), "D") == "D"
    assert preparer(plan([row(1)], absent=True), None) == "M"


def test_an_account_is_read_out_of_a_key_even_with_colons_in_its_id() -> None:
    made = plan([row(1, account_id="a:b:1")])
    (first, *_) = wanted(made)
    assert account_of(first.key(made), made) == "a:b:1"


# What is written


def test_publishing_creates_what_is_not_there_once(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.publish()
    assert run.error is None
    assert Counter(e.action for e in run.entries) == {"create_task": 6}
    assert place.state() == "in_progress"
    assert place.publish().counts["planned"] == 0
    place.sync()
    assert place.publish().counts["planned"] == 0
    assert len(tasks(place)) == 6


def test_a_task_carries_its_key_owner_day_and_customer(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1))
    place.publish()
    task = tasks(place)["A01:accept:S"]
    assert task["owner_id"] == "S"
    assert task["due"] == "2027-04-01"
    assert task["account_id"] == "A01"
    assert (task["kind"], task["is_done"]) == ("task", "false")
    (commit, *_) = place.crm.commits
    assert isinstance(commit.change, Create)
    assert commit.change.key_field == "handover_key"


def test_the_words_are_those_of_the_configured_language(tmp_path: Path) -> None:
    place = handing_over(
        tmp_path,
        row(1, gaps=MUST),
        row(2, mode="meet", visit=visit(VISIT_DAY, "P", "S")),
        row(3, mode="meet", visit=visit(VISIT_DAY, "S")),
    )
    place.publish()
    found = tasks(place)
    item = words_for("ja")("item:contacts.person")
    subject, text = (str(found["A01:accept:S"][f]) for f in ("subject", "text"))
    assert subject == "引継内容の確認・受領: 客先01"
    assert text.startswith("佐藤さんから客先01を引き継ぎます。2027年4月1日(木)までに")
    assert item in str(found["A01:gaps:P"]["text"])
    text = str(found["A02:visit:P"]["text"])
    assert text.startswith("2027年3月10日(水) 09:30-10:15、本社。ご担当者: ")
    assert "「はい・いいえ」で終わらない質問" in text
    assert "伺えない佐藤さんに代わり" in str(found["A03:visit:S"]["text"])


def test_a_visit_names_whom_one_meets_and_how_to_reach_them(tmp_path: Path) -> None:
    crm = company()
    crm.put("contacts.csv", "C01", name="山田 花子", phone="03-1234-5678")
    place = Office(folder=tmp_path, crm=crm)
    place.approve(plan([row(1, mode="meet", visit=visit(VISIT_DAY, "P", "S"))]))
    place.publish()
    text = str(tasks(place)["A01:visit:S"]["text"])
    assert "ご担当者: 山田 花子 03-1234-5678。" in text


def test_a_held_opportunity_is_named_with_its_day(tmp_path: Path) -> None:
    held = (PlannedOpportunity(id="O01", name="更新", action="hold", until=LATER),)
    place = handing_over(tmp_path, row(1, opportunities=held))
    place.publish()
    found = tasks(place)
    assert "更新(2027年5月1日(土)まで)" in str(found["A01:hold:S"]["text"])
    assert "引き継げる状態" in str(found["A01:hold:P"]["text"])
    place.reassign()
    assert tasks(place)["A01:hold:S"]["is_done"] == "false"
    place.as_of = LATER
    assert "opportunity_owner" in {e.action for e in place.reassign().entries}
    assert tasks(place)["A01:hold:S"]["is_done"] == "false"
    assert [e.action for e in place.reassign().entries] == ["close_task"] * 2
    assert tasks(place)["A01:hold:S"]["is_done"] == "true"


# Publishing again


def test_a_plan_published_with_two_tasks_to_one_person_keeps_the_one_with_the_gaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was before they were joined: both were due at the end of the period."""
    place = handing_over(tmp_path, row(1, gaps=MUST))

    def as_before(made: Plan, *_: object) -> tuple[WantedTask, ...]:
        last = made.effective - dt.timedelta(days=1)
        accept, gaps = wanted(made)
        also = replace(gaps, purpose=Purpose.PREPARE, gaps=(), due=last)
        return accept, replace(gaps, due=last), also

    with monkeypatch.context() as patch:
        patch.setattr(site_tasks, "wanted_tasks", as_before)
        place.publish()
    assert set(tasks(place)) == {"A01:gaps:P", "A01:prepare:P", "A01:accept:S"}
    actions = Counter(e.action for e in place.publish().entries)
    assert actions == {"change_task": 1, "close_task": 1}
    found = tasks(place)
    assert found["A01:prepare:P"]["is_done"] == "true"
    assert found["A01:gaps:P"]["is_done"] == "false"
    assert found["A01:gaps:P"]["due"] == "2027-03-29"
    assert place.publish().counts["planned"] == 0


def test_an_amended_plan_moves_ours_and_closes_what_is_over(tmp_path: Path) -> None:
    meeting = row(2, mode="meet", visit=visit(VISIT_DAY, "P", "S"))
    place = handing_over(tmp_path, row(1), meeting)
    place.publish()
    other = VISIT_DAY + dt.timedelta(days=1)
    amend(
        place,
        row(1, mode="exclude", reasons=("X",)),
        row(2, mode="meet", visit=visit(other, "P", "S", "M")),
    )
    run = place.publish()
    assert run.error is None
    found = tasks(place)
    assert {found[f"A01:{p}"]["is_done"] for p in ("accept:S", "prepare:P")} == {"true"}
    assert {found[f"A02:visit:{user}"]["due"] for user in "PSM"} == {other.isoformat()}
    assert place.publish().counts["planned"] == 0


@pytest.mark.parametrize(
    "edit", [{"due": "2027-06-01"}, {"owner_id": "T"}, {"is_done": "true"}]
)
def test_a_task_that_a_person_changed_stays_as_it_is(
    tmp_path: Path, edit: dict[str, str]
) -> None:
    place = handing_over(tmp_path, row(1))
    place.publish()
    for key in place.crm.rows(TASKS):
        place.crm.put(TASKS, key, **edit)
    before = len(place.crm.commits)
    amend(place, row(1, effective=LATER), effective=LATER)
    assert place.publish().counts["planned"] == 0
    assert len(place.crm.commits) == before


def test_a_person_who_edits_at_the_last_moment_wins(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1))
    place.publish()
    amend(place, row(1, mode="exclude", reasons=("X",)))
    prepared = place.prepared("publish")
    first, second = place.crm.rows(TASKS)
    place.crm.put(TASKS, first, owner_id="T")
    found = outcomes(place.walk(prepared).entries)
    assert found == {first: "skipped:changed", second: "done"}


def test_a_task_that_somebody_deleted_is_not_made_again(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1))
    place.publish()
    place.crm.erase(TASKS, next(iter(place.crm.rows(TASKS))))
    assert place.publish().counts["planned"] == 0


def test_reassigning_ends_the_tasks_of_a_hold(tmp_path: Path) -> None:
    held = row(1, mode="hold", until=LATER, effective=LATER)
    place = handing_over(tmp_path, held, row(2))
    place.publish()
    place.reassign()
    assert tasks(place)["A01:hold:P"]["is_done"] == "false"
    place.as_of = LATER
    run = place.reassign()
    assert run.error is None
    assert [e.action for e in run.entries][-1] == "close_task"
    assert tasks(place)["A01:hold:P"]["is_done"] == "true"
    assert tasks(place)["A02:accept:S"]["is_done"] == "false"


def test_the_end_of_a_hold_waits_for_the_account(tmp_path: Path) -> None:
    held = row(1, mode="hold", until=TODAY, effective=TODAY)
    place = handing_over(tmp_path, held)
    place.publish()
    place.crm.put("accounts.csv", "A01", owner_id="T")
    run = place.reassign()
    assert outcomes(run.entries)[str(run.entries[-1].record_id)] == (
        "skipped:account_not_done"
    )
    assert tasks(place)["A01:hold:P"]["is_done"] == "false"


def test_our_own_tasks_never_move(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.publish()
    place.sync()
    place.reassign()
    assert tasks(place)["A01:prepare:P"]["owner_id"] == "P"


# Refusals


def test_nothing_is_published_before_the_announcement(tmp_path: Path) -> None:
    place = handing_over(tmp_path, announce=TODAY + dt.timedelta(days=1))
    with pytest.raises(NotAnnounced) as refused:
        place.publish()
    assert refused.value.exit_code == 5
    assert place.crm.commits == []
    run = place.publish(before_announcement="本人の希望")
    assert run.counts["done"] == 6


def test_a_mapping_without_tasks_says_so(tmp_path: Path) -> None:
    text = """\
[users]
object = "users.csv"
[users.fields]
id = "id"
name = "name"
[accounts]
object = "accounts.csv"
[accounts.fields]
id = "id"
name = "name"
owner_id = "owner_id"
"""
    place = Office(folder=tmp_path, crm=company(), mapping_text=text)
    place.mapping = place.mapping.__class__(name="bare", tables=place.mapping.tables)
    place.approve(plan([row(1)]))
    with pytest.raises(NoTaskMapping):
        place.publish()
    done = [entry.action for entry in place.reassign().entries]
    assert done == ["account_owner", "team_member"]  # a team needs no mapping
