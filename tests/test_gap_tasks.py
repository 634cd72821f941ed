"""Tasks for what is lacking: who is asked, how often, how long, and on whose word."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from connectors.memory import MemoryCRM
from handover.i18n import words_for
from handover.policy import Policy
from handover.transfer.crash_points import POINTS
from handover.transfer.errors import RunNotYours
from handover.transfer.execute import Executed
from handover.transfer.gap_tasks import (
    GapTasks,
    LackingAccount,
    Night,
    Recipient,
    list_rounds,
    plan_night,
)
from handover.transfer.known_tasks import KnownTask, TaskState
from handover.transfer.nightly import prepare_gap_tasks
from handover.transfer.prepare import Prepared
from handover.transfer.standing import (
    NoStandingOrder,
    StandingOrderChanged,
    check_order,
    find_order,
)
from handover.transfer.to_crm import CrmRecord
from tests.conftest import SOAK
from tests.test_transfer_kill import dying, survive
from tests.worlds.memory_company import (
    TASKS,
    TODAY,
    Office,
    changes_of,
    company,
    plan,
    row,
)
from tests.worlds.small_company import POLICY, now, people

DUE = dt.date(2027, 4, 15)
"""Fourteen days after ``TODAY``; a working day."""
DAY = dt.timedelta(days=1)


# What is decided of one night


def lacking(*accounts: str, owner: str | None = "P") -> list[LackingAccount]:
    """Customers who lack something, the most important first."""
    return [
        LackingAccount(id=each, name=each, owner_id=owner, rank=(n,), gaps=("x",))
        for n, each in enumerate(accounts)
    ]


def task(key: str, state: str = "open", **known: Any) -> KnownTask:
    """A task of P's that was due yesterday."""
    given: dict[str, Any] = {
        "key": f"handover:gaps:memory:{key}",
        "record": CrmRecord(object=TASKS, id=key),
        "state": TaskState(state),
        "due": TODAY - DAY,
        "owner_id": "P",
        "asked_of": "P",
        "asked_by": TODAY - DAY,
    }
    return KnownTask(**{**given, **known})


def decide(
    found: Iterable[LackingAccount], *known: KnownTask, **rules: Any
) -> GapTasks:
    """Decide about a night in which P, S and M can be asked."""
    given: dict[str, Any] = {
        "today": TODAY,
        "due": DUE,
        "most_new": 2,
        "manager_of": {"P": "M", "S": "X"}.get,
        "can_be_asked": "PSM".__contains__,
    }
    night = Night(**{**given, **rules})
    return plan_night(list(found), list_rounds(known, "memory"), night)


def told(found: GapTasks) -> tuple[list[str], list[str], list[str]]:
    """The keys of what is made, kept and closed."""
    cut = len("handover:gaps:memory:")
    return (
        [f"{each.key('memory')[cut:]}={each.user_id}" for each in found.new],
        [known.key[cut:] for known, _ in found.kept],
        [known.key[cut:] for _, known in found.closed],
    )


NOT_YET: dict[str, Any] = {"asked_by": TODAY}


@pytest.mark.parametrize(
    ("known", "new", "kept", "closed"),
    [
        ((), ["A:1:owner=P"], [], []),
        # Its day has not come: there is no other, however it ended.
        ((task("A:1:owner", **NOT_YET),), [], ["A:1:owner"], []),
        ((task("A:1:owner", "done", **NOT_YET),), [], [], []),
        ((task("A:1:owner", "deleted", **NOT_YET),), [], [], []),
        ((task("A:1:owner", "withdrawn", **NOT_YET),), [], [], []),
        # Its day is over: the manager learns of one that is open, once.
        ((task("A:1:owner", "overdue"),), ["A:1:manager=M"], ["A:1:owner"], []),
        (
            (task("A:1:owner", "overdue"), task("A:1:manager", asked_of="M")),
            *([], ["A:1:owner", "A:1:manager"], []),
        ),
        (
            (task("A:1:owner", "overdue"), task("A:1:manager", "done", asked_of="M")),
            *([], ["A:1:owner"], []),
        ),
        # One that was put off is late all the same, by the day that was asked for.
        (
            (task("A:1:owner", due=DUE, changed=("due",)),),
            *(["A:1:manager=M"], ["A:1:owner"], []),
        ),
        # One that was ticked off, and nothing was filled in: the next round.
        (
            (task("A:2:owner", "done"), task("A:2:manager"), task("A:1:owner", "done")),
            *(["A:3:owner=P"], [], ["A:2:manager"]),
        ),
        ((task("A:1:owner", "withdrawn"),), ["A:2:owner=P"], [], []),
        # The customer was another's: theirs ends, unless they have it in hand.
        (
            (task("A:1:owner", asked_of="S", owner_id="S", **NOT_YET),),
            *(["A:2:owner=P"], [], ["A:1:owner"]),
        ),
        (
            (
                task(
                    *("A:1:owner",), asked_of="S", owner_id="T", changed=("owner",),
                    **NOT_YET,
                ),
            ),
            *([], ["A:1:owner"], []),
        ),
        # What is filled in ends both; what is over stays.
        ((task("B:1:owner"), task("B:1:manager"), task("C:1:owner", "done")),
         ["A:1:owner=P"], [], ["B:1:owner", "B:1:manager"]),
    ],
)  # fmt: skip
def test_a_customer_has_one_open_task_for_a_round(
    known: tuple[KnownTask, ...], new: list[str], kept: list[str], closed: list[str]
) -> None:
    assert told(decide(lacking("A"), *known)) == (new, kept, closed)


def test_nobody_gets_more_than_so_many_in_a_night() -> None:
    found = decide(lacking("A", "B", "C"))
    assert told(found)[0] == ["A:1:owner=P", "B:1:owner=P"]
    assert [account.id for account in found.waiting] == ["C"]
    tonight = task("A:1:owner", asked_by=DUE)
    again = decide(lacking("A", "B", "C"), tonight)
    assert told(again)[0] == ["B:1:owner=P"]
    late = [task(f"{n}:1:owner", "overdue") for n in "ABC"]
    assert told(decide(lacking("A", "B", "C"), *late))[0] == [
        "A:1:manager=M",
        "B:1:manager=M",
    ]
    moved = task("C:1:owner", asked_of="S", owner_id="S", **NOT_YET)
    full = decide(lacking("A", "B", "C"), moved)
    assert told(full)[2] == []


def test_who_cannot_be_asked_is_named() -> None:
    gone = decide(lacking("A", owner="X"), task("A:1:owner", **NOT_YET))
    assert told(gone) == ([], [], ["A:1:owner"])
    assert [account.id for account in gone.unasked] == ["A"]
    nobody = decide(lacking("A", owner=None))
    assert [account.id for account in nobody.unasked] == ["A"]
    late = task("A:1:owner", "overdue", asked_of="S", owner_id="S")
    untold = decide(lacking("A", owner="S"), late)
    assert [account.id for account in untold.untold] == ["A"]
    assert told(untold)[0] == []
    without = decide(lacking("A"), late, manager_of=lambda _user: None)
    assert without.untold == ()


def test_a_managers_task_names_the_day_that_is_over() -> None:
    (made,) = decide(lacking("A"), task("A:1:owner", "overdue")).new
    assert (made.asked, made.late_since, made.due) == (
        Recipient.MANAGER,
        TODAY - DAY,
        DUE,
    )
    known = (task("A:1:owner", "overdue"), task("A:1:manager", asked_by=TODAY))
    (_, (_, again)) = decide(lacking("A"), *known).kept
    assert (again.late_since, again.due) == (TODAY - DAY, TODAY)


# What is written


def ordered(**rules: Any) -> Policy:
    """A policy under which M answers for the tasks."""
    known = {"enabled": True, "approved_by": "M", "max_new_per_owner": 9, **rules}
    content = POLICY.model_dump(by_alias=True)
    return Policy.model_validate({**content, "tasks": {**content["tasks"], **known}})


def prepared(place: Office) -> Prepared:
    """What a night would write."""
    order = find_order(place.policy, people())
    with place.ledger.read() as connection, place.mirror() as mirror:
        return prepare_gap_tasks(
            place.site, connection, mirror, order, None, words_for("ja")
        )


def ask(place: Office) -> Executed:
    """Settle what is open, and write the tasks of a night."""
    place.recover()
    return place.walk(prepared(place))


def asking(folder: Path, **rules: Any) -> Office:
    """A company whose policy orders tasks for gaps."""
    return Office(folder=folder, crm=lacking_company(), policy=ordered(**rules))


def lacking_company() -> MemoryCRM:
    """A CRM in which nobody knows what its customers do, or who their people are."""
    crm = company()
    for n in (1, 2, 3):
        crm.put("accounts.csv", f"A0{n}", business="")
        crm.put("contacts.csv", f"C0{n}", title="", phone="03-1234-5678")
    return crm


def tasks(place: Office) -> dict[str, dict[str, Any]]:
    """The tasks in the CRM by what their key says."""
    cut = len("handover:gaps:memory:")
    return {
        str(cells["handover_key"])[cut:]: {"record": n, **cells}
        for n, cells in place.crm.rows(TASKS).items()
    }


def fill_in(place: Office, account: str) -> None:
    """Have everything filled in of a customer, as a diligent owner would."""
    place.crm.put("accounts.csv", account, business="金属加工")
    place.crm.put("contacts.csv", f"C{account[1:]}", title="部長")


def test_tasks_name_what_is_lacking_until_it_is_filled_in(tmp_path: Path) -> None:
    place = asking(tmp_path)
    run = ask(place)
    assert run.error is None
    assert {e.authority for e in run.entries} == {f"policy:{place.policy.hash[:12]}"}
    found = tasks(place)
    assert set(found) == {f"A0{n}:1:owner" for n in (1, 2, 3)}
    made = found["A01:1:owner"]
    assert (made["owner_id"], made["due"]) == ("P", "2027-04-15")
    assert (made["account_id"], made["is_done"]) == ("A01", "false")
    assert made["subject"] == "不足情報の入力: 客先01"
    assert "仕事内容、役職・部署。2027年4月15日(木)までに" in made["text"]
    place.crm.put("accounts.csv", "A01", business="金属加工")
    place.crm.put("accounts.csv", "A02", business="金属加工")
    place.crm.put(TASKS, found["A02:1:owner"]["record"], text="自分のメモ")
    fill_in(place, "A03")
    place.sync()
    assert ask(place).error is None
    found = tasks(place)
    assert "くなっています: 役職・部署。2027年" in found["A01:1:owner"]["text"]
    assert found["A02:1:owner"]["text"] == "自分のメモ"
    done = [found[f"A0{n}:1:owner"]["is_done"] for n in (1, 2, 3)]
    assert done == ["false", "false", "true"]
    assert ask(place).counts["planned"] == 0


def test_what_is_late_goes_to_the_manager_and_ends_when_it_is_filled_in(
    tmp_path: Path,
) -> None:
    place = asking(tmp_path)
    ask(place)
    place.as_of = DUE + DAY
    ask(place)
    found = tasks(place)
    made = found["A01:1:manager"]
    assert (made["owner_id"], made["due"]) == ("M", "2027-04-30")
    assert "2027年4月15日(木)までの入力を佐藤さんにお願い" in made["text"]
    place.crm.put(TASKS, found["A02:1:owner"]["record"], due="2027-05-20")
    for account in ("A01", "A02"):
        fill_in(place, account)
    place.sync()
    ask(place)
    done = {key: task["is_done"] for key, task in tasks(place).items()}
    assert done == {
        "A01:1:owner": "true",
        "A01:1:manager": "true",
        "A02:1:owner": "false",
        "A02:1:manager": "true",
        "A03:1:owner": "false",
        "A03:1:manager": "false",
    }


def test_a_customer_whose_plan_asks_already_is_not_asked_twice(
    tmp_path: Path,
) -> None:
    gaps = ("organisation.business",)
    place = Office(folder=tmp_path, crm=lacking_company(), policy=ordered())
    place.approve(plan([row(1, gaps=gaps), row(2)]))
    ask(place)
    place.publish()
    place.sync()
    ask(place)
    found = tasks(place)
    assert found["A01:1:owner"]["is_done"] == "true"
    assert found["A02:1:owner"]["is_done"] == "false"


# On whose word


@pytest.mark.parametrize(
    "rules",
    [
        {"enabled": False},
        {"approved_by": ""},
        {"approved_by": "山本"},  # has left
        {"approved_by": "nobody"},
    ],
)
def test_nothing_is_written_on_nobodys_word(rules: dict[str, Any]) -> None:
    with pytest.raises(NoStandingOrder):
        find_order(ordered(**rules), people())


@pytest.mark.parametrize(
    "rules", [{"due_days": 30}, {"approved_by": "T"}, {"enabled": False}]
)
def test_another_policy_is_another_order(rules: dict[str, Any]) -> None:
    changed = replace(now(), policy=ordered(**rules))
    with pytest.raises(StandingOrderChanged):
        check_order(find_order(ordered(), people()), changed)
    gone = replace(now(M={"is_active": False}), policy=ordered())
    with pytest.raises(NoStandingOrder):
        check_order(find_order(ordered(), people()), gone)


def test_a_policy_that_changes_meanwhile_ends_the_run(tmp_path: Path) -> None:
    place = asking(tmp_path)
    place.crm.batch_size = 1

    def reached(point: str) -> None:
        if point == "outcome_recorded":
            place.policy = ordered(enabled=False)

    found = prepared(place)
    place.reached = reached
    run = place.walk(found)
    assert run.error is not None
    assert run.error.code == "standing_order_changed"
    assert len(tasks(place)) == 1


def test_who_answered_for_it_takes_a_night_back_and_nobody_is_asked_again_at_once(
    tmp_path: Path,
) -> None:
    place = asking(tmp_path)
    run = ask(place)
    with pytest.raises(RunNotYours) as refused:
        place.undo(run.run_id, person="T")
    assert refused.value.exit_code == 5
    taken = tasks(place)["A01:1:owner"]["record"]
    place.crm.put(TASKS, taken, owner_id="T")
    undone = place.undo(run.run_id, person="D")
    assert undone.counts["done"] == 2
    assert [found["is_done"] for found in tasks(place).values()] == [
        *("false", "true", "true")
    ]
    place.sync()
    assert ask(place).counts["planned"] == 0
    place.as_of = DUE + DAY
    ask(place)
    assert {"A02:2:owner", "A03:2:owner"} <= tasks(place).keys()


# Once


DEATHS = [("none", "batch_sent"), ("lose_after", "outcome_recorded")]
MORE_DEATHS = [*product(("none", "lose_before", "lose_after"), map(str, POINTS))]


@pytest.mark.parametrize(("fault", "point"), DEATHS + MORE_DEATHS * SOAK)
def test_a_night_that_died_is_completed_by_the_next_here_or_elsewhere(
    tmp_path: Path, point: str, fault: str
) -> None:
    place = asking(tmp_path / "one")
    other = Office(folder=tmp_path / "other", crm=place.crm, policy=place.policy)
    if fault != "none":
        setattr(place.crm.faults, fault, 1)
    place.reached = dying((point, 1))
    survive(lambda: ask(place))
    assert set(tasks(place)) == {f"A0{n}:1:owner" for n in (1, 2, 3)}
    assert {entry.code for entry in ask(other).entries} == {"already"}
    assert set(changes_of(place.crm).values()) == {1}
