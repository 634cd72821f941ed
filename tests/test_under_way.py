"""Calls whose effect nobody has seen yet, when somebody wants to end their plan."""

import datetime as dt
from pathlib import Path

import pytest

from handover.ledger.lock import run_lock
from handover.ledger.under_way import RunUnderWay, RunUnsettled, check_settled
from tests.worlds.memory_company import NOW, PLAN, Office, handing_over

LATER = NOW + dt.timedelta(minutes=4)


class Died(Exception):
    """The process ends here."""


def dying_at(folder: Path, point: str) -> Office:
    """A run of an approved plan that gets no further than a point."""
    place = handing_over(folder)

    def reached(at: str) -> None:
        if at == point:
            raise Died

    place.reached = reached
    with pytest.raises(Died):
        place.reassign()
    return place


def settled(place: Office, at: dt.datetime) -> str | None:
    with place.ledger.begin() as connection:
        return check_settled(connection, PLAN, place.folder, at)


def test_a_lost_call_is_waited_for_as_long_as_it_may_take_effect(
    tmp_path: Path,
) -> None:
    place = dying_at(tmp_path, "intent_recorded")
    for at in (NOW - dt.timedelta(days=1), NOW + dt.timedelta(minutes=2)):
        with pytest.raises(RunUnsettled) as refused:
            settled(place, at)
        assert refused.value.exit_code == 7
        assert refused.value.params["n"] == 3
    assert settled(place, LATER) is None


def test_a_run_that_lives_is_waited_for_however_long_it_takes(tmp_path: Path) -> None:
    place = dying_at(tmp_path, "intent_recorded")
    with run_lock(tmp_path, "reassign", NOW), pytest.raises(RunUnderWay):
        settled(place, LATER)


def test_a_sync_is_no_run_of_the_plan(tmp_path: Path) -> None:
    place = dying_at(tmp_path, "intent_recorded")
    with run_lock(tmp_path, "sync", NOW):
        assert settled(place, LATER) is None


def test_a_run_between_two_calls_is_named_and_not_waited_for(tmp_path: Path) -> None:
    place = dying_at(tmp_path, "outcome_recorded")
    with run_lock(tmp_path, "reassign", NOW):
        assert settled(place, NOW) == place_run(place)
    assert settled(place, NOW) is None


def place_run(place: Office) -> str:
    """The id of the only run."""
    (folder,) = (place.folder / "runs").iterdir()
    return folder.name
