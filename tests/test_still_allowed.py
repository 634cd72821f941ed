"""A plan on which somebody decides while a run of it is under way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from handover.plan import approval, ending, store
from tests.worlds.memory_company import NOW, PLAN, Office, handing_over, outcomes
from tests.worlds.small_company import by, people

Decide = Callable[[Connection], object]


def deciding(place: Office, point: str, decide: Decide) -> None:
    """Have somebody decide when a run first gets to a point."""
    waiting = [decide]

    def reached(at: str) -> None:
        if at == point and waiting:
            with place.ledger.begin() as connection:
                waiting.pop()(connection)

    place.reached = reached


def void(connection: Connection) -> None:
    plan = store.load(connection, PLAN)
    approval.void(connection, plan, by("M", reason="stop"), people())


def end(connection: Connection) -> None:
    plan = store.load(connection, PLAN)
    ending.end(connection, plan, by("M", reason="stop"), people())


def amend(connection: Connection) -> None:
    """Keep another version of the plan, which nobody has approved."""
    plan = store.load(connection, PLAN)
    changed = plan.model_copy(update={"version": 2, "rows": plan.rows[:1]})
    found = changed.model_copy(update={"fingerprint": changed.computed_fingerprint()})
    origin = store.Origin(cause="edit", person="P", at=NOW)
    store.save_version(connection, found, origin)


@pytest.mark.parametrize("point", ["steps_prepared", "run_begun"])
@pytest.mark.parametrize("act", ["reassign", "publish"])
@pytest.mark.parametrize(("decide", "code"), [(void, "voided"), (end, "ended")])
def test_a_plan_that_was_voided_or_ended_writes_nothing_any_more(
    tmp_path: Path, act: str, point: str, decide: Decide, code: str
) -> None:
    place = handing_over(tmp_path)
    deciding(place, point, decide)
    run = getattr(place, act)()
    assert place.crm.commits == []
    assert {e.outcome for e in run.entries} == {"skipped"}
    assert outcomes(run.entries).popitem()[1] == f"skipped:{code}"
    assert (run.error and run.error.exit_code, run.state) == (5, "partial")


def test_a_plan_that_was_amended_stops_its_run_at_the_next_batch(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    deciding(place, "wave_read_back", amend)
    run = place.reassign()
    found = outcomes(run.entries)
    assert {found[key] for key in ("A01", "A02", "A03")} == {"done"}
    assert set(place.owners("contacts.csv").values()) == {"P"}
    assert found["C01"] == "skipped:unapproved"
    assert run.error is not None
    assert run.error.code == "unapproved"


def test_what_was_done_is_read_back_though_the_plan_was_amended(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path)
    place.crm.batch_size = 1
    deciding(place, "outcome_recorded", amend)
    run = place.reassign()
    done = [(e.outcome, e.code) for e in run.entries if e.outcome == "done"]
    assert done == [("done", None)]


def test_an_undo_needs_no_plan_that_still_stands(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    run = place.reassign()
    deciding(place, "run_begun", amend)
    assert place.undo(run.run_id).state == "finished"
