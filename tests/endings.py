"""What holds of plans that are ended early, whatever the CRM."""

from collections.abc import Sequence

import pytest

from tests.conftest import Ended
from tests.worlds.world import Lost, World, each_once


def ending(world: World, *words: str) -> Ended:
    """End the plan on its manager's word."""
    by = ("--as", world.manager, "--as-of", world.days["reassign"])
    return world.run(*world.ending, *by, *words)


class Endings:
    """What holds of plans that are ended early."""

    @pytest.mark.sampled
    def test_a_plan_that_is_ended_closes_its_tasks_once_and_frees_its_customers(
        self, world: World
    ) -> None:
        world.done(*world.words("publish"))
        taken, *others = world.tasks()
        world.take_in_hand(taken)
        shown = ending(world, "--dry-run").data
        assert shown["run"]["counts"]["planned"] == len(others)
        assert shown["plan"]["state"] == "in_progress"
        ended = ending(world)
        assert (ended.code, ended.data["plan"]["state"]) == (0, "ended")
        assert ended.data["run"]["counts"]["done"] == len(others)
        tasks = {task.key: task.done for task in world.tasks()}
        assert tasks == {taken.key: False} | {task.key: True for task in others}
        assert ending(world).data["run"]["counts"]["planned"] == 0
        for act in ("publish", "reassign"):
            assert world.do(act).json["error"]["code"] == "ended"
        for words in (world.undoing(ended.data["run"]["id"]), edit(world)):
            assert world.run(*words).code == 5
        plan = ended.data["plan"]
        between = ("--from", plan["predecessor"], "--to", world.successor)
        again = world.run("plan", "new", *between, *world.today)
        assert again.data["plan"]["id"] != world.plan

    @pytest.mark.sampled
    def test_a_plan_whose_crm_is_another_one_is_not_ended(self, world: World) -> None:
        world.done(*world.words("publish"))
        world.pin_another_org()
        refused = ending(world)
        assert (refused.code, refused.json["error"]["code"]) == (5, "wrong_org")
        (plan,) = world.run("plan", "list").data["plans"]
        assert plan["state"] == "in_progress"
        assert not any(task.done for task in world.tasks())

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.sampled
    def test_a_lost_reply_closes_no_task_twice(self, world: World, when: Lost) -> None:
        world.done(*world.words("publish"))
        if world.loses_replies:
            world.lose_replies(when)
        ended = ending(world)
        assert ended.data["plan"]["state"] == "ended"
        assert all(task.done for task in world.tasks())
        assert ending(world).data["run"]["counts"]["planned"] == 0

    @pytest.mark.sampled
    def test_only_who_manages_a_plan_ends_it(self, world: World) -> None:
        world.done(*world.words("publish"))
        before = len(world.arrived)
        refused = world.run(*world.ending, *world.today, "--as", world.successor)
        assert (refused.code, refused.json["error"]["code"]) == (5, "not_yours")
        assert len(world.arrived) == before

    @pytest.mark.sampled
    def test_what_was_handed_over_and_given_back_by_somebody_is_not_written_again(
        self, world: World
    ) -> None:
        plan = world.run("plan", "show", world.plan).data["plan"]
        world.done(*world.words("reassign"))
        world.give(world.account, plan["predecessor"])
        assert world.run("sync", *world.today).code == 0
        before, arrived = world.owners(), len(world.arrived)
        assert world.do("reassign").data["run"]["counts"]["planned"] == 0
        assert (world.owners(), len(world.arrived)) == (before, arrived)

    @pytest.mark.sampled
    def test_a_run_that_is_taken_back_in_whole_offers_to_end_its_plan(
        self, world: World
    ) -> None:
        world.done(*world.words("publish"))
        undone = world.run(*world.undoing())
        assert "all_taken_back" in {each["code"] for each in undone.json["warnings"]}
        assert ending(world).data["plan"]["state"] == "ended"
        assert each_once(world.owner_changes())


def edit(world: World) -> Sequence[str]:
    """The command line that amends the plan."""
    words = ("--inform", world.account, "--reason", "known", "--as", world.manager)
    return ("plan", "edit", world.plan, *words, *world.today)
