"""What is promised of every CRM, with a test that breaks if the promise does.

A CRM's test is a subclass of ``Promises`` with one fixture, its ``World``; see
``test_promises.py``. What a CRM cannot bring about, its world says, and the test is
skipped with the reason. README's section *What is promised* names these tests.
"""

import csv
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.approvals import Approvals
from tests.clocks import Clocks
from tests.conftest import Ended
from tests.endings import Endings
from tests.following import Following
from tests.races import Races
from tests.worlds.world import LEDGER, Act, Lost, World, each_once

ACTS: tuple[Act, ...] = ("publish", "reassign")
DEATHS: tuple[tuple[Act, str], ...] = (
    ("publish", "batch_sent"),
    ("reassign", "intent_recorded"),
    ("reassign", "batch_sent"),
)
MORE_DEATHS: tuple[tuple[Act, str], ...] = (
    ("publish", "intent_recorded"),
    ("publish", "outcome_recorded"),
    ("reassign", "outcome_recorded"),
    ("reassign", "run_finished"),
)
NOTHING_LEFT: dict[Act, str] = {
    "publish": "nothing_to_publish",
    "reassign": "all_done",
}
SOAK = "HANDOVER_SOAK" in os.environ


def outcome_of(ended: Ended) -> tuple[int, str]:
    """Return exit code and error code."""
    return ended.code, ended.json["error"]["code"]


def steps_of(ended: Ended) -> dict[str, dict[str, Any]]:
    """Return the owner steps of a run, by record."""
    steps: list[dict[str, Any]] = ended.data["run"]["steps"]
    return {s["record_id"]: s for s in steps if s["action"].endswith("_owner")}


def left_with(world: World) -> dict[str, str]:
    """Return what the predecessor still owns: the ids, and what becomes of each."""
    (plan,) = world.run("plan", "list").data["plans"]
    on = ("--as-of", world.days["reassign"])
    ended = world.run("leaver", plan["predecessor"], *on)
    left: dict[str, list[dict[str, Any]]] = ended.data["left"]
    records = [r for kind, found in left.items() if kind != "plans" for r in found]
    assert ended.code == (3 if records else 0)
    return {r["id"].rpartition(":")[2]: r["standing"] for r in records}


class Promises(Approvals, Clocks, Endings, Following, Races):
    """What may be relied on, whatever the CRM."""

    @pytest.fixture
    def world(self) -> World:
        """A working folder with an approved plan, of which nothing is done yet."""
        raise NotImplementedError

    # Nothing is written that an approved plan does not cover

    def test_a_plan_that_is_not_approved_writes_nothing(self, world: World) -> None:
        edit = ("--inform", world.account, "--reason", "known", "--as", world.manager)
        assert world.run("plan", "edit", world.plan, *edit, *world.today).code == 0
        for act in ACTS:
            assert outcome_of(world.do(act)) == (5, "unapproved")
        assert world.arrived == []

    def test_one_changed_value_of_the_plan_voids_the_approval(
        self, world: World
    ) -> None:
        ledger = world.folder / LEDGER
        kept = ledger.read_bytes()
        for genuine, forged in (
            (
                f'"successor_id": "{world.successor}"',
                f'"successor_id": "{world.other}"',
            ),
            ('"predecessor": "', '"predecessor": "x'),
            ('"org_id": "', '"org_id": "x'),
            (f'"account_id": "{world.account}"', '"account_id": "B1"'),
            ('"effective": "2027-', '"effective": "2026-'),
            ('"expires_days": 14', '"expires_days": 99'),
        ):
            with closing(sqlite3.connect(ledger)) as connection, connection:
                changed = connection.execute(
                    "UPDATE plan_versions SET content = replace(content, ?, ?) "
                    "WHERE content LIKE ?",
                    (genuine, forged, f"%{genuine}%"),
                )
                assert changed.rowcount > 0, genuine
            for act in ACTS:
                assert outcome_of(world.do(act)) == (5, "ledger_changed"), genuine
            ledger.write_bytes(kept)
        assert world.arrived == []
        assert world.do("publish").code == 0

    def test_a_successor_who_has_left_is_refused_before_the_first_write(
        self, world: World
    ) -> None:
        world.retire_successor()
        assert outcome_of(world.do("reassign")) == (5, "inactive_successor")
        assert world.arrived == []

    def test_another_org_is_refused(self, world: World) -> None:
        assert outcome_of(world.do("reassign", "--org", "other")) == (5, "wrong_org")
        world.pin_another_org()
        for act in ACTS:
            assert outcome_of(world.do(act)) == (5, "wrong_org")
        assert world.arrived == []

    # Owners change with what is open, and nothing else changes

    def test_what_is_open_moves_and_what_is_over_stays(self, world: World) -> None:
        before = world.rest()
        world.done(*world.words("reassign"))
        assert world.owners() == world.handed
        assert world.rest() == before

    def test_what_was_finished_since_the_sync_stays(self, world: World) -> None:
        before = world.owners()
        finished = world.finish()
        world.done(*world.words("reassign"))
        stays = {record: before[record] for record in finished}
        assert world.owners() == {**world.handed, **stays}

    def test_what_somebody_changed_since_is_left_alone_with_what_follows_it(
        self, world: World
    ) -> None:
        world.give(world.account, world.other)
        before = world.owners()
        ended = world.do("reassign")
        assert outcome_of(ended) == (6, "partly")
        steps = steps_of(ended)
        assert (steps[world.account]["outcome"], steps[world.account]["code"]) == (
            "skipped",
            "changed",
        )
        stays = {
            record: before[record]
            for record, step in steps.items()
            if step["account_id"] == world.account
        }
        assert len(stays) > 1
        assert world.owners() == {**world.handed, **stays}

    # Intents, lost replies, doubt

    def test_no_write_leaves_before_its_intent_is_on_disk(self, world: World) -> None:
        strange: list[str] = []

        def look(names: object) -> None:
            assert isinstance(names, list)
            known = world.intents()
            strange.extend(name for name in names if name not in known)

        world.looks.append(look)
        for act in ACTS:
            world.done(*world.words(act))
        world.done(*world.undoing())
        assert sum(map(len, world.arrived)) > 20
        assert strange == []

    @pytest.mark.parametrize("when", ["before", "after", "mid-body"])
    def test_a_lost_reply_changes_nothing_about_the_end(
        self, world: World, when: Lost
    ) -> None:
        world.lose_replies(when)
        made = world.done(*world.words("publish"))["counts"]["done"]
        world.done(*world.words("reassign"))
        assert world.owners() == world.handed
        assert each_once(world.owner_changes())
        tasks = world.tasks()
        assert each_once([task.key for task in tasks])
        assert len(tasks) == made
        assert all(task.account for task in tasks)

    def test_what_nobody_can_find_stays_in_doubt_and_is_never_sent_again(
        self, world: World
    ) -> None:
        world.take_key_field_away()
        world.hide_tasks()
        first, again = (world.do("publish") for _ in range(2))
        assert (first.code, again.code) == (6, 6)
        counts = first.data["run"]["counts"]
        assert counts["in_doubt"] == counts["planned"] == len(world.tasks()) > 5
        world.heal()
        arrived = len(world.arrived)
        assert world.do("publish").code == 0
        assert len(world.arrived) == arrived
        closed = world.done(*world.undoing(first.data["run"]["id"]))
        assert closed["counts"]["done"] == counts["planned"]
        assert all(task.done for task in world.tasks())

    @pytest.mark.parametrize(("act", "point"), DEATHS + MORE_DEATHS * SOAK)
    def test_kill_9_leaves_what_one_execution_would(
        self, world: World, act: Act, point: str
    ) -> None:
        rest = world.rest()
        assert world.killed_at(point, act) == -signal.SIGKILL
        for each in ACTS:
            assert world.do(each).code == 0
        assert world.owners() == world.handed
        assert world.rest() == rest
        assert each_once(world.owner_changes())
        keys = [task.key for task in world.tasks()]
        assert each_once(keys)
        assert keys
        assert world.run("runs", "verify").data["broken"] == []

    def test_kill_9_doubles_no_task_without_the_key_field(self, world: World) -> None:
        world.take_key_field_away()
        assert world.killed_at("batch_sent", "publish") == -signal.SIGKILL
        assert world.do("publish").code == 0
        keys = [task.key for task in world.tasks()]
        assert each_once(keys)
        assert keys

    # Once

    @pytest.mark.parametrize("keyed", [True, False], ids=["key field", "mark"])
    def test_a_second_time_there_is_nothing_left(
        self, world: World, *, keyed: bool
    ) -> None:
        if not keyed:
            world.take_key_field_away()
        for act, warning in NOTHING_LEFT.items():
            first = world.done(*world.words(act))
            assert first["counts"]["done"] > 0
            tasks, arrived = world.tasks(), len(world.arrived)
            assert world.do(act).code == 0
            assert world.run("sync", *world.today).code == 0
            again = world.do(act)
            assert (again.code, again.data["run"]["counts"]["planned"]) == (0, 0)
            assert again.data["run"]["id"] not in (None, first["id"])
            assert warning in {each["code"] for each in again.json["warnings"]}
            assert (world.tasks(), len(world.arrived)) == (tasks, arrived)
        assert each_once([task.key for task in world.tasks()])
        assert all(task.account for task in world.tasks())

    @pytest.mark.parametrize("keyed", [True, False], ids=["key field", "mark"])
    def test_two_machines_with_one_plan_write_everything_once(
        self, world: World, tmp_path: Path, *, keyed: bool
    ) -> None:
        """Also where the first of them loses replies, if this CRM can lose any."""
        if not keyed:
            world.take_key_field_away()
        other = world.another_machine(tmp_path / "other machine")
        if world.loses_replies:
            world.lose_replies("after")
        for act in ACTS:
            first = world.done(*world.words(act))
            again = world.done(*world.words(act), *other)
            assert {step["code"] for step in again["steps"]} == {"already"}
            assert 0 < len(again["steps"]) <= len(first["steps"])
        assert world.owners() == world.handed
        assert each_once(world.owner_changes())
        assert each_once([task.key for task in world.tasks()])

    # Dry runs

    def test_a_dry_run_only_reads_and_leaves_everything_as_it_was(
        self, world: World
    ) -> None:
        world.done(*world.words("publish"))
        files, arrived = world.files(), len(world.arrived)
        for words in (
            world.words("publish"),
            world.words("reassign"),
            world.undoing(),
            ("runs", "retry", "last", *world.today),
        ):
            ended = world.run(*words, "--dry-run")
            assert (ended.code, ended.data["run"]["id"]) == (0, None)
            assert ended.data["run"]["state"] == "dry_run"
        assert len(world.arrived) == arrived
        assert world.files() == files

    @pytest.mark.parametrize("act", ACTS)
    def test_a_dry_run_lists_what_the_run_then_does(
        self, world: World, act: Act
    ) -> None:
        def listed(*words: str) -> list[tuple[str, ...]]:
            names = ("action", "object", "field", "before", "after")
            return [
                (step["key"] or step["record_id"], *(str(step[name]) for name in names))
                for step in world.do(act, *words).data["run"]["steps"]
            ]

        shown = listed("--dry-run")
        assert shown
        assert shown == listed()

    # Undo

    def test_undo_gives_back_what_nobody_changed_since(self, world: World) -> None:
        before = world.owners()
        world.done(*world.words("reassign"))
        world.give(world.account, world.other)
        rest = world.rest()
        ended = world.run(*world.undoing())
        assert outcome_of(ended) == (6, "partly")
        edited = steps_of(ended)[world.account]
        assert (edited["outcome"], edited["code"]) == ("skipped", "changed")
        stays = {
            record: world.handed[record]
            for record, step in steps_of(ended).items()
            if step["account_id"] == world.account
        }
        assert world.owners() == {**before, **stays, world.account: world.other}
        assert world.rest() == rest
        world.give(world.account, world.successor)
        world.done("runs", "retry", "last", *world.undoing()[2:])
        assert world.owners() == before

    def test_undo_closes_our_tasks_but_for_those_somebody_took_in_hand(
        self, world: World
    ) -> None:
        run = world.done(*world.words("publish"))
        first, *others = world.tasks()
        world.take_in_hand(first)
        ended = world.run(*world.undoing(run["id"]))
        assert ended.code == 6
        assert ended.data["run"]["counts"]["done"] == len(others) > 0
        assert world.tasks() == [
            first,
            *(task._replace(done=True) for task in others),
        ]

    # Refusals and ends

    def test_a_refused_record_is_named_and_costs_its_neighbours_nothing(
        self, world: World
    ) -> None:
        code, words = world.refuse(world.account)
        before = world.owners()
        ended = world.do("reassign")
        assert outcome_of(ended) == (6, "partly")
        steps = steps_of(ended)
        refused = steps[world.account]
        assert (refused["outcome"], refused["code"]) == ("refused", code)
        assert words in refused["message"]
        waiting = {
            record
            for record, step in steps.items()
            if step["code"] == "account_not_done"
        }
        assert waiting
        stays = {record: before[record] for record in {world.account, *waiting}}
        assert world.owners() == {**world.handed, **stays}
        run = world.folder / ".handover" / "runs" / ended.data["run"]["id"]
        with (run / "error.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = {(row["Id"], row["Error"]) for row in csv.DictReader(file)}
        assert (world.account, f"refused: {code}: {words}") in rows
        world.heal()
        world.done(*world.words("reassign"), "--rows", str(run / "error.csv"))
        assert world.owners() == world.handed

    def test_the_end_of_the_day_ends_the_run_and_the_next_one_takes_it_up(
        self, world: World
    ) -> None:
        world.end_the_day()
        ended = world.do("reassign")
        assert outcome_of(ended) == (7, "rate_limited")
        assert 0 < world.calls_turned_away() <= 2
        assert ended.data["run"]["counts"]["done"] > 0
        world.heal()
        assert world.do("reassign").code == 0
        assert world.owners() == world.handed
        assert each_once(world.owner_changes())

    def test_what_is_changed_behind_a_success_is_found_by_verify(
        self, world: World
    ) -> None:
        world.done(*world.words("reassign"))
        assert world.run("runs", "verify", "last").data["broken"] == []
        world.give(world.account, world.other)
        ended = world.run("runs", "verify", "last")
        assert outcome_of(ended) == (6, "records_differ")
        assert [each["id"] for each in ended.data["broken"]] == [world.account]

    # Nobody is forgotten

    def test_what_stays_with_a_predecessor_is_named_before_and_after(
        self, world: World
    ) -> None:
        before, owned = left_with(world), world.owners()
        taken = {key for key, standing in before.items() if standing == "approved"}
        run = world.done(*world.words("reassign"))
        assert run["counts"]["done"] > 0
        gone = {key for key, owner in world.owners().items() if owner != owned[key]}
        assert gone == taken
        rest = before.keys() - taken
        assert left_with(world).keys() == rest
        assert world.run("sync", "--as-of", world.days["reassign"]).code == 0
        assert left_with(world).keys() == rest

    # Secrets

    def test_a_secret_stands_in_nothing_that_is_said_or_written(
        self, world: World
    ) -> None:
        world.quote_secrets()
        ended = world.do("reassign", "-vv")
        assert ended.code == 6
        shown = world.cli("-vv", "runs", "show", "last")
        said = ended.out + ended.err + shown.out + shown.err
        written = b"".join(world.files().values())
        assert b"is bad" in written
        for secret in world.secrets:
            assert secret not in said
            assert secret.encode() not in written
