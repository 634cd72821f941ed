"""What somebody decides while a run is under way, at any moment of it.

The run is carried out by a thread of its own; the command comes when the run gets to a
moment: one of its crash points, or a call that has just arrived at the CRM. There the
run waits for the command, as one that was suspended would, or goes on beside it.
"""

import datetime as dt
import os
import random
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from handover.errors import HandoverError
from handover.jobs.transfer import Manner, Transferred, reassign
from handover.jobs.workspace import open_workspace
from handover.transfer.prepare import TransferRequest
from tests.conftest import Ended
from tests.worlds.world import LEDGER, World, each_once

SOAK = "HANDOVER_SOAK" in os.environ
TRIES = 67 if SOAK else 3
"""On each of three CRMs."""
PATIENCE = 30.0
"""Seconds after which a test gives a thread up."""
TAKES_AWAY = ("void", "edit", "end", "reject")


@dataclass(kw_only=True)
class RunBeside:
    """A reassign in a thread of its own that waits, or does not, at one moment."""

    world: World
    moment: int = 1
    """The how-manieth moment it is."""
    point: str | None = None
    """The only crash point that counts, if not all do."""
    waits: bool
    reached: threading.Event = field(default_factory=threading.Event)
    resume: threading.Event = field(default_factory=threading.Event)
    done: Transferred | None = None
    refused: HandoverError | None = None
    _passed: int = 0

    def __post_init__(self) -> None:
        """Begin the run."""
        self.world.looks.append(lambda _names: self._pass())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def meet(self, command: Callable[[], Ended]) -> Ended:
        """Run a command at the moment; the run goes on at its end."""
        self.reached.wait(PATIENCE)
        try:
            return command()
        finally:
            self.resume.set()

    def end(self) -> None:
        """Wait for the end of the run."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _pass(self, point: str = "") -> None:
        self._passed += self.point in (None, point)
        if self._passed == self.moment:
            self.reached.set()
            if self.waits:
                self.resume.wait(PATIENCE)

    def _run(self) -> None:
        world = self.world
        workspace = open_workspace(
            "en",
            config=str(world.folder / "handover.toml"),
            as_of=dt.date.fromisoformat(world.days["reassign"]),
        )
        asked = TransferRequest(org_id=world.org_id or None, early=world.reason or None)
        manner = Manner(org_id=world.org_id or None, yes=True, reached=self._pass)
        try:
            self.done = reassign(workspace, world.plan, asked, manner)
        except HandoverError as error:
            self.refused = error
        finally:
            self.reached.set()


def commands(world: World) -> dict[str, Sequence[str]]:
    """Return what may come at any moment of a run, by name."""
    by = ("--as-of", world.days["reassign"], "--as", world.manager)
    edit = ("--inform", world.account, "--reason", "known")
    return {
        "void": ("plan", "void", world.plan, "--reason", "stop", *by),
        "edit": ("plan", "edit", world.plan, *edit, *by),
        "end": (*world.ending, *by),
        "reject": ("plan", "reject", world.plan, "--reason", "stop", *by),
        "reassign": world.words("reassign"),
        "undo": world.undoing(),
    }


def overlapping(world: World) -> list[str]:
    """Read from the ledger which runs began before the one before them had ended."""
    query = "select id, started_at, finished_at from runs order by serial"
    with closing(sqlite3.connect(world.folder / LEDGER)) as connection:
        found = connection.execute(query).fetchall()
    return [
        later[0]
        for earlier, later in pairwise(found)
        if earlier[2] is None or later[1] < earlier[2]
    ]


class Races:
    """What holds at every moment of a run, whatever the CRM."""

    @pytest.mark.parametrize("seed", range(TRIES))
    @pytest.mark.sampled
    def test_nothing_changes_after_a_decision_was_said_to_hold(
        self, world: World, seed: int
    ) -> None:
        chance = random.Random(f"{type(world).__name__} {seed}")  # noqa: S311
        name = chance.choice(sorted(commands(world)))
        run = RunBeside(
            world=world, moment=chance.randint(1, 24), waits=chance.random() < 0.7
        )
        try:
            ended = run.meet(lambda: world.run(*commands(world)[name]))
            if name in TAKES_AWAY and ended.code == 0:
                before = world.owners()
                run.end()
                assert world.owners() == before
        finally:
            run.resume.set()
            run.end()
        assert ended.code in (0, 2, 5, 7), ended.out + ended.err
        changes = world.owner_changes()
        assert each_once(changes)
        assert overlapping(world) == []

    @pytest.mark.sampled
    def test_a_call_that_is_out_is_named_by_who_decides_meanwhile(
        self, world: World
    ) -> None:
        calls: list[Ended] = []

        def look(_names: Sequence[str]) -> None:
            wanted = commands(world)
            if not calls:
                calls.extend(world.run(*wanted[name]) for name in ("void", "edit"))

        world.looks.append(look)
        world.done(*world.words("reassign"))
        for meanwhile in calls:
            error = meanwhile.json["error"]
            assert (meanwhile.code, error["code"]) == (7, "run_under_way")
            assert "-reassign-" in error["message"]
        assert len(calls) == 2
        assert world.owners() == world.handed

    @pytest.mark.sampled
    def test_a_run_that_has_sent_nothing_is_stopped_and_named(
        self, world: World
    ) -> None:
        run = RunBeside(world=world, point="run_begun", waits=True)
        ended = run.meet(lambda: world.run(*commands(world)["void"]))
        run.end()
        assert ended.code == 0
        told = {each["code"]: each["message"] for each in ended.json["warnings"]}
        assert "-reassign-" in told["run_stopped"]
        assert world.arrived == []
        assert run.done is not None
        assert run.done.executed.error is not None
        assert run.done.executed.error.code == "voided"
