"""What holds of our tasks when the CRM is read again, whatever the CRM."""

import datetime as dt
from pathlib import Path

import pytest

from handover.follow.plan_tasks import PlanTasks
from handover.jobs.plan_tasks import read_tasks_of
from handover.jobs.workspace import open_workspace
from handover.plan import store
from tests.worlds.world import World, each_once


def tasks_of(world: World) -> PlanTasks:
    """Read how the plan's tasks stand, on the day on which it is published."""
    workspace = open_workspace(
        "en",
        config=str(world.folder / "handover.toml"),
        as_of=dt.date.fromisoformat(world.days["publish"]),
    )
    with workspace.ledger.read() as connection:
        plan = store.load(connection, world.plan)
    return read_tasks_of(workspace, plan)


def order_tasks(folder: Path, manager: str) -> None:
    """Have the policy order tasks for gaps, on a manager's word."""
    config = folder / "handover.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text + '[policy]\nfile = "policy.toml"\n', encoding="utf-8")
    rules = f'[tasks]\nenabled = true\napproved_by = "{manager}"\n'
    (folder / "policy.toml").write_text(rules, encoding="utf-8")


class Following:
    """What is known of our tasks after a sync, and which the policy orders."""

    @pytest.mark.sampled
    def test_what_people_do_with_our_tasks_in_the_crm_is_read_back(
        self, world: World
    ) -> None:
        """West of UTC, where a day that is kept as a moment is the evening before."""
        config = world.folder / "handover.toml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("Asia/Tokyo", "America/New_York"), "utf-8")
        world.done(*world.words("publish"))
        arrived = len(world.arrived)
        taken = world.tasks()[0]
        world.take_in_hand(taken)
        assert world.run("sync", *world.today).code == 0
        found = {task.known.key: task.known for task in tasks_of(world).tasks}
        assert found.keys() == {task.key for task in world.tasks()}
        assert found.pop(taken.key).changed == ("due",)
        assert {(t.state, t.changed, t.is_read) for t in found.values()} == {
            ("open", (), True)
        }
        assert len(world.arrived) == arrived

    @pytest.mark.sampled
    def test_tasks_for_gaps_are_made_once_on_the_policys_word_and_taken_back(
        self, world: World
    ) -> None:
        off = world.run(*world.nightly)
        assert (off.code, off.data["run"]) == (0, None)
        assert "tasks_off" in {each["code"] for each in off.json["warnings"]}
        order_tasks(world.folder, world.manager)
        files = world.files()
        shown = world.run(*world.nightly, "--dry-run").data["run"]
        assert (shown["id"], shown["state"]) == (None, "dry_run")
        assert world.arrived == []
        assert world.files() == files
        if world.loses_replies:
            world.lose_replies("after")
        made = world.done(*world.nightly)
        keys = [task.key for task in world.tasks()]
        assert each_once(keys)
        assert keys
        assert sorted(keys) == sorted(step["key"] for step in shown["steps"])
        assert {key.split(":")[1] for key in keys} == {"gaps"}
        assert world.run("sync", *world.today).code == 0
        assert world.run(*world.nightly).data["run"]["counts"]["planned"] == 0
        world.done(*world.undoing(made["id"]))
        assert all(task.done for task in world.tasks())
        assert world.run(*world.nightly).data["run"]["counts"]["planned"] == 0
