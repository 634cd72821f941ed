"""A plan's tasks as the last sync found them: done there is done here."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handover.follow.plan_tasks import PlanTasks, read_plan_tasks
from handover.plan import approval, store
from handover.transfer.known_tasks import TaskState
from handover.transfer.tasks import Purpose
from tests.worlds import memory_company
from tests.worlds.memory_company import (
    PLAN,
    TASKS,
    TODAY,
    Office,
    handing_over,
    plan,
    row,
    visit,
)
from tests.worlds.small_company import by

LATER = TODAY + dt.timedelta(days=30)
HOUR = dt.timedelta(hours=1)
VISIT_DAY = dt.date(2027, 3, 10)


def known(place: Office) -> PlanTasks:
    """The tasks as mirror and ledger know them."""
    with place.ledger.read() as connection, place.mirror() as mirror:
        found = store.load(connection, PLAN)
        return read_plan_tasks(connection, mirror, place.site.to_crm, found)


def states(place: Office) -> dict[str, tuple[str, tuple[str, ...], bool]]:
    """How the tasks stand, by account, purpose and user."""
    return {
        f"{t.account_id}:{t.purpose}:{t.user_id}": (
            t.state.value,
            t.known.changed,
            t.known.is_read,
        )
        for t in known(place).tasks
    }


def night(place: Office) -> None:
    """Let an hour pass, and read the CRM."""
    place.clock.now += HOUR
    place.crm.pass_time(HOUR)
    place.sync()


def put(place: Office, key: str, **cells: str) -> None:
    """Change one of our tasks, as its owner would."""
    place.crm.put(TASKS, find(place, key), **cells)


def find(place: Office, key: str) -> str:
    """The CRM's id of one of our tasks."""
    rows = place.crm.rows(TASKS).items()
    return next(n for n, cells in rows if str(cells["handover_key"]).endswith(key))


def test_what_people_made_of_our_tasks_is_read_back(tmp_path: Path) -> None:
    met = row(3, mode="meet", visit=visit(VISIT_DAY, "P", "S", "M"))
    place = handing_over(tmp_path, row(1), row(2, effective=LATER), met)
    assert known(place).tasks == ()
    place.publish()
    assert set(states(place).values()) == {
        ("open", (), False),
        ("overdue", (), False),
    }
    night(place)
    put(place, "A01:accept:S", is_done="true")
    put(place, "A02:accept:S", due="2027-06-01")
    put(place, "A02:prepare:P", owner_id="T")
    put(place, "A03:visit:S", is_done="true")
    place.crm.delete(TASKS, find(place, "A03:visit:P"))
    night(place)
    assert states(place) == {
        "A01:accept:S": ("done", (), True),
        "A01:prepare:P": ("overdue", (), True),
        "A02:accept:S": ("open", ("due",), True),
        "A02:prepare:P": ("open", ("owner",), True),
        "A03:visit:S": ("done", (), True),
        "A03:visit:P": ("deleted", (), True),
        "A03:visit:M": ("overdue", (), True),
    }
    found = known(place)
    assert found.counts == {"open": 2, "overdue": 2, "done": 2} | {
        "withdrawn": 0,
        "deleted": 1,
    }
    late = found.in_state(TaskState.OVERDUE)
    assert [t.user_id for t in late] == ["M", "P"]
    assert [t.known.due for t in late] == [VISIT_DAY, dt.date(2027, 3, 29)]
    moved = next(t for t in found.by_account["A02"] if t.purpose == "prepare")
    assert (moved.user_id, moved.known.owner_id) == ("P", "T")
    assert found.is_done("A01", Purpose.ACCEPT)
    assert not found.is_done("A03", Purpose.VISIT)
    assert not found.is_done("A02", Purpose.VISIT)


def test_a_task_that_we_closed_was_not_ticked_off(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1), row(2))
    place.publish()
    night(place)
    with place.ledger.begin() as connection:
        version = store.load(connection, PLAN).version + 1
        left_out = [row(1, mode="exclude", reasons=("X",)), row(2)]
        made = place.on_terms_of_now(plan(left_out, version=version))
        origin = store.Origin(cause="edit", person="P", at=place.clock())
        store.save_version(connection, made, origin)
        loaded = store.load(connection, PLAN)
        approval.approve(connection, loaded, by("M"), place.circumstances())
    place.clock.now += HOUR
    closed = place.publish().run_id
    ours = {"A01:accept:S": ("withdrawn", (), False)}
    assert ours.items() <= states(place).items()
    night(place)
    assert states(place)["A01:accept:S"] == ("withdrawn", (), True)
    put(place, "A01:accept:S", is_done="false")
    night(place)
    assert states(place)["A01:accept:S"][0] == "open"
    put(place, "A01:accept:S", is_done="true")
    place.undo(closed)
    night(place)
    assert states(place)["A01:accept:S"][0] == "open"


def test_tasks_of_another_machine_are_known_by_their_keys(tmp_path: Path) -> None:
    place = handing_over(tmp_path / "one", row(1))
    place.publish()
    put(place, "A01:accept:S", is_done="true")
    other = Office(folder=tmp_path / "other", crm=place.crm)
    other.approve(plan([row(1)]))
    assert states(other) == {
        "A01:accept:S": ("done", (), True),
        "A01:prepare:P": ("overdue", (), True),
    }


def test_a_day_that_comes_back_as_midnight_in_utc_was_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As HubSpot gives it back; west of UTC it reads as the evening before."""
    monkeypatch.setattr(memory_company, "ZONE", ZoneInfo("America/New_York"))
    place = handing_over(tmp_path, row(1, effective=LATER))
    place.publish()
    put(place, "A01:accept:S", due=f"{LATER}T00:00:00Z")
    put(place, "A01:prepare:P", due=f"{LATER}T00:00:00Z")
    night(place)
    assert states(place)["A01:accept:S"] == ("open", (), True)
    assert states(place)["A01:prepare:P"] == ("open", ("due",), True)
