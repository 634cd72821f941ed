"""A run may die anywhere; the next one completes it and doubles nothing."""

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from handover.transfer.crash_points import POINTS
from tests.worlds.memory_company import TASKS, Office, changes_of, handing_over

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
    """Return whether no record was written twice to the same effect."""
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
@pytest.mark.every(3)
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
@pytest.mark.every(2)
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
