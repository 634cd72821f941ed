"""What the tasks in a CRM say to people, the same on every CRM."""

import re

import pytest

from tests.worlds.world import World, each_once

CHANNEL = re.compile(r"\d{2,4}-\d{2,4}-\d{3,4}|\+\d{8}|\w@\w")
"""A phone or an e-mail address."""


class Asking:
    """To be inherited by a test class with a fixture ``world``."""

    @pytest.mark.sampled
    def test_the_tasks_say_whom_one_meets_and_ask_once_for_the_information(
        self, world: World
    ) -> None:
        world.done(*world.words("publish"))
        asked = [(task.key.rsplit(":", 2), task.text) for task in world.tasks()]
        visits = [text for (_, purpose, _), text in asked if purpose == "visit"]
        assert visits
        assert all(re.search(r"(To meet|ご担当者): \S", text) for text in visits)
        assert any(CHANNEL.search(text) for text in visits)
        ready = [key for (key, what, _), _ in asked if what in ("prepare", "gaps")]
        assert ready
        assert each_once(ready)
