"""What customers corrected is written once, and only as long as it counts."""

import datetime as dt
from typing import Any

import pytest

from handover.jobs.answers import write_answers
from handover.jobs.transfer import Manner
from handover.jobs.workspace import Workspace, open_workspace
from handover.transfer.terminal import run_json
from tests.conftest import Ended
from tests.worlds.world import Lost, World

PHONE = "03-9876-5432"


def correct(world: World, phone: str = PHONE) -> Ended:
    """Record that the customer's person has another phone number."""
    said = ("--result", "corrected", "--column", "contacts.phone", "--value", phone)
    return answer(world, *said, "--record", world.person)


def answer(world: World, *words: str) -> Ended:
    """Record an answer of the customer's person, as the manager."""
    whom = ("--account", world.account, "--person", world.person, "--as", world.manager)
    asked = ("--item", "contacts.channel", *whom, "--as-of", world.answered_on)
    return world.run("meeting", "record", world.plan, *asked, *words, *world.agreed)


def run_of(ended: Ended) -> dict[str, Any]:
    """Return the run that wrote, whose steps were all done."""
    assert ended.code == 0, ended.out + ended.err
    found: dict[str, Any] = ended.data["run"]
    assert found["counts"]["done"] == found["counts"]["planned"]
    return found


def work_in(world: World) -> Workspace:
    """Open the world's folder as a later run does."""
    return open_workspace(
        "en",
        config=str(world.folder / "handover.toml"),
        as_of=dt.date.fromisoformat(world.answered_on),
        as_user=world.manager,
    )


def write(workspace: Workspace, world: World) -> dict[str, Any]:
    """Write what waits, as a later run does; return the run."""
    manner = Manner(yes=True, org_id=world.org_id or None)
    done = write_answers(workspace, world.plan, workspace.sources()[0], manner)
    return run_json(done.executed)


class Corrections:
    """What may be relied on, whatever the CRM."""

    def test_a_correction_is_written_at_once_and_no_second_time(
        self, world: World
    ) -> None:
        before = world.phone()
        run = run_of(correct(world))
        (step,) = run["steps"]
        assert (step["action"], step["outcome"]) == ("correction", "done")
        assert (step["before"], step["after"]) == (before, PHONE)
        assert step["authority"].startswith(f"correction:{world.plan}#")
        assert world.phone() == PHONE
        (step,) = run_of(correct(world, "03-9876-5431"))["steps"]
        assert (step["before"], step["after"]) == (PHONE, "03-9876-5431")
        run_of(correct(world))
        arrived = len(world.arrived)
        again = run_of(correct(world))
        assert {s["code"] for s in again["steps"]} == {"already"}
        assert len(world.arrived) == arrived
        assert world.run("runs", "verify").data["broken"] == []

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_lost_reply_changes_nothing_about_a_correction(
        self, world: World, when: Lost
    ) -> None:
        world.lose_replies(when)
        run_of(correct(world))
        assert world.phone() == PHONE

    def test_what_people_changed_since_is_theirs(self, world: World) -> None:
        world.edit_phone("03-1111-1111")
        ended = correct(world)
        assert ended.code == 6
        (step,) = ended.data["run"]["steps"]
        assert (step["outcome"], step["code"]) == ("skipped", "changed")
        (left,) = write(work_in(world), world)["steps"]
        assert (left["action"], left["outcome"]) == ("create_task", "done")
        assert not write(work_in(world), world)["steps"]
        assert world.phone() == "03-1111-1111"
        assert [task.account for task in world.tasks()] == [world.account]

    def test_what_was_taken_back_is_written_again_only_when_asked_again(
        self, world: World
    ) -> None:
        before, rest = world.phone(), world.rest()
        run_of(correct(world))
        world.done("undo", "last", *world.undoing()[2:])
        assert (world.phone(), world.rest()) == (before, rest)
        job = work_in(world)
        assert not write(job, world)["steps"]
        run_of(correct(world))
        assert world.phone() == PHONE

    def test_what_could_not_be_written_waits_as_long_as_it_counts(
        self, world: World
    ) -> None:
        with work_in(world).lock("test"):
            first = correct(world, "03-9876-5431")
            assert first.code == 0, first.out + first.err
            assert "run" not in first.data
            assert "answer_waits" in {w["code"] for w in first.json["warnings"]}
            correct(world)
        run = write(work_in(world), world)
        assert [s["after"] for s in run["steps"]] == [PHONE]
        assert world.phone() == PHONE
