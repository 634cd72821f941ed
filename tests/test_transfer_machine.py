"""Plan, reassign, undo, people's edits, lost replies and deaths in any order.

The CRM of this machine writes blindly, as a batch of either CRM does: whoever
overwrites a person's edit is caught by ``overwritten``.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from connectors.base import Change, Create, Outcome, SetField
from connectors.memory import MemoryCRM
from handover.errors import HandoverError
from handover.transfer.crash_points import POINTS
from handover.transfer.execute import Executed
from tests.worlds.memory_company import (
    PLAN,
    TASKS,
    Office,
    handing_over,
    plan,
    records,
    row,
)

SOAK = "HANDOVER_SOAK" in os.environ
RECORDS = {
    f"{kind}0{n}": name
    for kind, name in (
        ("A", "accounts.csv"),
        ("C", "contacts.csv"),
        ("O", "opportunities.csv"),
        ("R", "requests.csv"),
    )
    for n in (1, 2, 3)
}
EXCLUDED = ("A03", "C03", "O03", "R03", "K03")


class BlindCRM(MemoryCRM):
    """Sets fields whatever they hold, and remembers what it overwrote."""

    def __init__(self, **known: object) -> None:
        super().__init__(records(3), teams={"accounts.csv": "account_team.csv"})
        self.overwritten: list[Change] = []

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        if not self.faults.lose_before:
            for change in batch:
                if isinstance(change, SetField) and not self.faults.refuse(change):
                    self._overwrite(change)
        return super().write(batch)

    def _overwrite(self, change: SetField) -> None:
        cells = self.rows(change.object).get(change.id)
        if cells and (cells.get(change.field) or None) != change.before:
            self.overwritten.append(change)
            self.put(change.object, change.id, **{change.field: change.before})


class Died(BaseException):
    """The process ended here."""


class Handovers(RuleBasedStateMachine):
    """One plan of two accounts of three; the third is excluded."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.death: tuple[str, int] | None = None
        self.edited: set[str] = set()

    @initialize()
    def approve(self) -> None:
        excluded = row(3, mode="exclude", reasons=("X",))
        template = handing_over(self.folder / "place")
        shutil.rmtree(template.folder)
        self.crm = BlindCRM()
        self.place = Office(
            folder=self.folder / "place", crm=self.crm, reached=self._reached
        )
        self.place.approve(plan([row(1), row(2), excluded]))

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def _reached(self, point: str) -> None:
        if self.death and self.death[0] == point:
            self.death = (point, self.death[1] - 1)
            if self.death[1] == 0:
                self.death = None
                raise Died(point)

    def _try(self, action: str, *words: str) -> Executed | None:
        """Do something that may die or be refused; check the sum of what ended."""
        try:
            ended: Executed = getattr(self.place, action)(*words)
        except (Died, HandoverError):
            return None
        counts = ended.counts
        ways = ("done", "skipped", "refused", "in_doubt")
        assert counts["planned"] == sum(counts[way] for way in ways)
        assert (ended.error is None) == (counts["done"] == counts["planned"])
        return ended

    # What we do

    @rule()
    def reassign(self) -> None:
        self._try("reassign")

    @rule()
    def publish(self) -> None:
        self._try("publish")

    @rule(nth=st.integers(0, 5))
    def undo(self, nth: int) -> None:
        with self.place.ledger.read() as connection:
            ids = connection.exec_driver_sql("select id from runs order by started_at")
            found = list(ids.scalars())
        if found:
            self._try("undo", found[nth % len(found)])

    @rule()
    def sync(self) -> None:
        self.place.sync()

    @rule()
    def look(self) -> None:
        commits = len(self.crm.commits)
        with contextlib.suppress(Died, HandoverError):
            assert self.place.rehearse().run_id is None
        assert len(self.crm.commits) == commits

    # What others do

    @rule(record=st.sampled_from(sorted(RECORDS)), owner=st.sampled_from("PST"))
    def edit(self, record: str, owner: str) -> None:
        self.crm.put(RECORDS[record], record, owner_id=owner)
        self.edited.add(record)

    @precondition(lambda self: self.crm.rows(TASKS))
    @rule(nth=st.integers(0, 9), what=st.sampled_from(["is_done", "due", "owner_id"]))
    def edit_task(self, nth: int, what: str) -> None:
        ids = sorted(self.crm.rows(TASKS))
        value = {"is_done": "true", "due": "2027-09-09", "owner_id": "T"}[what]
        self.crm.put(TASKS, ids[nth % len(ids)], **{what: value})

    # What goes wrong

    @rule(before=st.booleans())
    def lose(self, before: bool) -> None:  # noqa: FBT001 - Hypothesis gives it by name
        if before:
            self.crm.faults.lose_before = 1
        else:
            self.crm.faults.lose_after = 1

    @rule(record=st.sampled_from([*sorted(RECORDS), None]))
    def refuse(self, record: str | None) -> None:
        self.crm.faults.refuse = lambda change: (
            "NO" if isinstance(change, SetField) and change.id == record else None
        )

    @rule(point=st.sampled_from(POINTS), nth=st.integers(1, 3))
    def die(self, point: str, nth: int) -> None:
        self.death = (point, nth)

    # What always holds

    @invariant()
    def nobody_is_overwritten(self) -> None:
        assert self.crm.overwritten == []

    @invariant()
    def only_what_is_approved_is_written(self) -> None:
        for commit in self.crm.commits:
            change = commit.change
            if isinstance(change, Create):
                assert change.key.startswith((f"handover:{PLAN}:", "handover:team:"))
                continue
            assert commit.id not in EXCLUDED
            if change.object != TASKS:
                assert {change.before, change.after} == {"P", "S"}

    @invariant()
    def no_task_is_doubled(self) -> None:
        keys = [cells["handover_key"] for cells in self.crm.rows(TASKS).values()]
        assert len(keys) == len(set(keys))

    @invariant()
    def no_member_is_lost_or_doubled_for_good(self) -> None:
        team = [str(r["record_id"]) for r in self.crm.rows("account_team.csv").values()]
        assert len(team) == len(set(team))

    @rule()
    def come_to_rest(self) -> None:
        """Without faults, the plan is what stands where nobody else decided."""
        self.crm.faults = type(self.crm.faults)()
        self.death = None
        ended = self._try("reassign")
        assert ended is not None
        again = self._try("reassign")
        assert again is not None
        skipped = {e.record_id for e in ended.entries if e.outcome == "skipped"}
        for number in ("01", "02"):
            family = {f"{kind}{number}" for kind in "ACOR"}
            if family & self.edited:
                continue
            owners = {self.crm.rows(RECORDS[r])[r]["owner_id"] for r in family}
            assert owners == {"S"}
            assert not family & skipped
            team = [r["record_id"] for r in self.crm.rows("account_team.csv").values()]
            assert f"A{number}" in team


Handovers.TestCase.settings = settings(
    max_examples=200 if SOAK else 4,
    stateful_step_count=30 if SOAK else 12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHandovers = Handovers.TestCase
