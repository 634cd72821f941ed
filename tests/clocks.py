"""What is promised whatever the clock does: order is counted, not told by times."""

import datetime as dt
import os

import pytest
import time_machine

from tests.conftest import Ended
from tests.worlds.world import World

DAY, YEAR = dt.timedelta(days=1), dt.timedelta(days=365)
SHIFTS = {
    "back by a day, then by a year": (0 * DAY, -DAY, -YEAR),
    "ahead by a year, then right again": (YEAR, 0 * DAY, DAY),
    "back by a year, then right again": (0 * DAY, -YEAR, 0 * DAY),
    "ahead by a day, then back by a year": (DAY, -YEAR, -YEAR - DAY),
}
"""By how much the clock is wrong when a plan is published, carried out, taken back."""
TRIED = [*SHIFTS] if "HANDOVER_SOAK" in os.environ else [*SHIFTS][:1]


class Clocks:
    """Part of ``Promises``: a working folder on some CRM, and a clock that jumps."""

    @pytest.mark.parametrize("shift", TRIED)
    @pytest.mark.sampled
    def test_order_is_counted_whatever_the_clock_does(
        self, world: World, shift: str
    ) -> None:
        real = dt.datetime.now(dt.UTC)

        def at(shift: dt.timedelta, *words: str) -> Ended:
            with time_machine.travel(real + shift, tick=True):
                return world.run(*words)

        publishing, carrying_out, taking_back = SHIFTS[shift]
        published = at(publishing, *world.words("publish"))
        assert published.code == 0, published.out
        tasks, before = world.tasks(), world.owners()
        moved = at(carrying_out, *world.words("reassign"))
        assert moved.code == 0, moved.out
        assert world.owners() == world.handed
        undone = at(taking_back, *world.undoing())
        assert undone.code == 0, undone.out
        assert world.owners() == before
        assert [task.key for task in world.tasks()] == [task.key for task in tasks]
        for ended, was_set_back in (
            (moved, carrying_out < publishing),
            (undone, taking_back < max(publishing, carrying_out)),
        ):
            codes = {each["code"] for each in ended.json["warnings"]}
            assert ("clock_ran_back" in codes) == was_set_back
        listed = at(taking_back, "runs", "list").data["runs"]
        kinds = [run["kind"] for run in listed]
        assert kinds == ["undo", "reassign", "publish"]
        verified = at(taking_back, "runs", "verify", *world.today)
        assert verified.data["broken"] == []
        again = at(taking_back, *world.undoing())
        assert again.data["run"]["plan"] == world.plan
        actions = {step["action"] for step in again.data["run"]["steps"]}
        assert "account_owner" not in actions  # the one before the last: the tasks
