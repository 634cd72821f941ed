"""A run may die anywhere; the next one completes it and doubles nothing (P15)."""

import os
import signal
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from cli import handover as root
from handover.commands.shell import run
from handover.ledger import Ledger
from handover.plan import store
from handover.transfer.crash_points import POINTS
from tests.conftest import Cli
from tests.worlds.copies import copy_folder
from tests.worlds.killed import killed
from tests.worlds.memory_company import TASKS, Office, changes_of, handing_over
from tests.worlds.planning_folder import NEW, TODAY, synced

SOAK = "HANDOVER_SOAK" in os.environ
ROOT = Path(__file__).resolve().parents[1]


class Died(BaseException):
    """The process ended here; nobody may catch it."""


def dying(*deaths: tuple[str, int]) -> Callable[[str], None]:
    """Die when runs reach these points, one after the other."""
    waiting = list(deaths)
    seen: list[str] = []

    def reached(point: str) -> None:
        seen.append(point)
        if waiting and (point, seen.count(point)) == waiting[0]:
            waiting.pop(0)
            seen.clear()
            raise Died(point)

    return reached


def survive(action: Callable[[], object]) -> None:
    """Run something again and again until it does not die."""
    for _ in range(4):
        try:
            action()
        except Died:
            continue
        return
    raise AssertionError("it never ended")


def snapshot(place: Office) -> dict[str, object]:
    """All that people see, without when it was written and under which new id."""
    names = ("accounts", "contacts", "opportunities", "requests", "activities")
    found: dict[str, object] = {
        f"{name}.{key}": cells.get("owner_id")
        for name in names
        for key, cells in place.crm.rows(f"{name}.csv").items()
    }
    for name in ("account_team.csv", TASKS):
        cells = place.crm.rows(name).values()
        kept = ("record_id", "user_id", "due", "owner_id", "is_done", "handover_key")
        found[name] = sorted(
            str([row.get(k) for k in kept if name == TASKS or k != "handover_key"])
            for row in cells
        )
    return found


def once(place: Office) -> bool:
    """Tell whether no record was written twice to the same effect."""
    return set(changes_of(place.crm).values()) <= {1}


def reassigned(folder: Path) -> dict[str, object]:
    place = handing_over(folder)
    place.publish()
    place.reassign()
    return snapshot(place)


FAULTS = ("none", "lose_before", "lose_after")
LATER = ("intent_recorded", "batch_sent", "outcome_recorded")
ONE = [((point, 1),) for point in POINTS] + [((point, 4),) for point in LATER]
TWO = [(*a, *b) for a, b in product(ONE, ONE)] if SOAK else [(*ONE[-2], *ONE[0])]


@pytest.mark.parametrize(
    ("fault", "deaths"),
    [
        *product(FAULTS if SOAK else FAULTS[:1], [*ONE, *TWO]),
        *product(FAULTS[2:], ONE[: len(POINTS)]),
    ],
    ids=str,
)
def test_a_run_that_died_is_completed_by_the_next(
    tmp_path: Path,
    deaths: tuple[tuple[str, int], ...],
    fault: str,
) -> None:
    place = handing_over(tmp_path / "dying")
    if fault != "none":
        setattr(place.crm.faults, fault, 1)
    place.reached = dying(*deaths)
    survive(place.publish)
    survive(place.reassign)
    assert snapshot(place) == ENDED
    assert once(place)
    with place.ledger.read() as connection:
        states = connection.exec_driver_sql("select state from runs").scalars().all()
        open_steps = connection.exec_driver_sql(
            "select count(*) from steps where outcome in ('planned', 'intent')"
        ).scalar()
    assert "running" not in states
    assert open_steps == 0


ENDED: dict[str, object] = {}


@pytest.fixture(scope="module", autouse=True)
def _ended(tmp_path_factory: pytest.TempPathFactory) -> None:
    ENDED.update(reassigned(tmp_path_factory.mktemp("ended")))


@pytest.mark.parametrize("point", POINTS)
def test_an_undo_that_died_is_completed_by_the_next(tmp_path: Path, point: str) -> None:
    place = handing_over(tmp_path)
    before = snapshot(place)
    run = place.reassign()
    place.reached = dying((point, 1))
    survive(lambda: place.undo(run.run_id))
    assert snapshot(place) == before


def test_every_point_is_reached(tmp_path: Path) -> None:
    seen: set[str] = set()
    place = handing_over(tmp_path)
    place.crm.faults.lose_after = 1
    place.reached = seen.add
    place.reassign()
    assert seen == set(POINTS)


# Real processes, real signals, on files

WITHOUT_DOUBT = tuple(point for point in POINTS if point != "doubt_settled")
REAL = WITHOUT_DOUBT if SOAK else ("intent_recorded", "batch_sent", "run_finished")


@pytest.fixture(scope="module")
def approved_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sato's approved plan on files, ready to be carried out."""
    folder = synced(tmp_path_factory.mktemp("company"))
    _plan(folder, *NEW)
    decided = ("--no-attend", "rest", "--loose", "opportunities=transfer")
    plan_id = _plan_id(folder)
    _plan(folder, "edit", plan_id, *decided, "--as", "M")
    _plan(folder, "submit", plan_id, "--as", "P")
    _plan(folder, "approve", plan_id, "--as", "M")
    return folder


@pytest.fixture(scope="module")
def calm(approved_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same company after a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("calm")
    copy_folder(approved_company, folder)
    config = ("-c", str(folder / "handover.toml"))
    words = ("reassign", _plan_id(folder), "--early", "now", "-q")
    assert run(root, (*words, *config, *TODAY), {}) == 0
    return folder


def _plan(folder: Path, *words: str) -> None:
    config = ("-c", str(folder / "handover.toml"))
    assert run(root, ("plan", *words, *config, *TODAY, "-q"), {}) == 0


def _plan_id(folder: Path) -> str:
    ledger = Ledger.open(folder / ".handover" / "ledger.sqlite")
    with ledger.read() as connection:
        return store.load_all(connection)[0].id


@pytest.mark.parametrize("point", REAL)
def test_kill_9_on_files_leaves_what_one_execution_would(
    approved_company: Path, calm: Path, folder: Path, cli: Cli, point: str
) -> None:
    copy_folder(approved_company, folder)
    early = ("reassign", _plan_id(folder), "--early", "now", *TODAY, "--json")
    as_of = TODAY[-1]
    died = killed(folder, point, "reassign", _plan_id(folder), as_of=as_of, early="now")
    assert died == -signal.SIGKILL
    assert cli(*early).code == 0
    for file in (calm / "export").iterdir():
        assert file.read_bytes() == (folder / "export" / file.name).read_bytes()
    verified = cli("runs", "verify", "--json")
    assert (verified.code, verified.data["broken"]) == (0, [])
