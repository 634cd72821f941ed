"""Nothing is written that nobody approved."""

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import SetField
from handover.errors import HandoverError
from handover.ledger.states import Action
from handover.transfer.steps import Step, label
from tests.conftest import SOAK
from tests.worlds.memory_company import PLAN, Office, handing_over, row


def stored(place: Office) -> str:
    with sqlite3.connect(place.ledger.path) as connection:
        (found,) = connection.execute("select content from plan_versions").fetchone()
    connection.close()
    return str(found)


def put(place: Office, statement: str, value: str) -> None:
    with sqlite3.connect(place.ledger.path) as connection:
        connection.execute(statement, [value])
    connection.close()


def leaves(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The paths of all plain values of a JSON document."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in leaves(v, (*path, k))]
    if isinstance(value, list):
        return [p for k, v in enumerate(value) for p in leaves(v, (*path, k))]
    return [path]


def changed(document: object, path: tuple[object, ...]) -> str:
    """The document with one value replaced."""
    copy = json.loads(json.dumps(document))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = {"A01": "A02", "S": "T"}.get(at[path[-1]], "2027-05-05")
    return json.dumps(copy)


UNCOVERED = {
    "version",
    "state",
    "fingerprint",
    "generation",
    "minimum_days",
    "minimum_end",
    "minimum_days_bound",
    "minimum_days_proved",
    "slots",
    "author",
}
"""Fields of a plan that say nothing of what is written; the author stands elsewhere."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return handing_over(tmp_path_factory.mktemp("place"), row(1), row(2))


def test_one_changed_value_of_the_plan_voids_the_approval(place: Office) -> None:
    """Every value, one after the other: it is refused, or it changes no step."""
    before = stored(place)
    document = json.loads(before)
    steps = place.rehearse().entries
    for path in leaves(document):
        put(place, "update plan_versions set content = ?", changed(document, path))
        covered = path[0] not in UNCOVERED and path[-1] not in (
            "score",
            "ready",
            "state",
        )
        try:
            place.approved()  # what follows takes longer
            assert not covered, path
            assert place.rehearse().entries == steps, path
        except (HandoverError, ValueError):
            continue
        finally:
            put(place, "update plan_versions set content = ?", before)


@settings(max_examples=200 if SOAK else 15, deadline=None)
@given(data=st.data())
def test_one_changed_byte_of_the_plan_writes_nothing_else(
    place: Office, data: st.DataObject
) -> None:
    before = stored(place)
    steps = [(e.record_id, e.before, e.after, e.key) for e in place.rehearse().entries]
    at = data.draw(st.integers(0, len(before) - 1))
    byte = data.draw(st.characters(codec="ascii", exclude_characters=before[at]))
    put(
        place,
        "update plan_versions set content = ?",
        before[:at] + byte + before[at + 1 :],
    )
    try:
        place.approved()
        found = place.rehearse().entries
    except (HandoverError, ValueError, KeyError):
        return
    finally:
        put(place, "update plan_versions set content = ?", before)
    assert [(e.record_id, e.before, e.after, e.key) for e in found] == steps


@pytest.mark.parametrize(
    ("column", "value"),
    [("fingerprint", "0" * 64), ("decision", "reject"), ("version", "2")],
)
def test_a_changed_approval_is_none(place: Office, column: str, value: str) -> None:
    read = {
        "fingerprint": "select fingerprint from decisions",
        "decision": "select decision from decisions",
        "version": "select version from decisions",
    }
    write = {
        "fingerprint": "update decisions set fingerprint = ?",
        "decision": "update decisions set decision = ?",
        "version": "update decisions set version = ?",
    }
    with sqlite3.connect(place.ledger.path) as connection:
        (before,) = connection.execute(read[column]).fetchone()
    connection.close()
    put(place, write[column], value)
    try:
        with pytest.raises(HandoverError) as refused:
            place.rehearse()
        assert refused.value.exit_code == 5
    finally:
        put(place, write[column], before)
    assert place.rehearse().counts["planned"] > 0


def test_the_authority_is_named_by_plan_and_content(place: Office) -> None:
    approved = place.approved()
    assert label(approved) == f"plan:{PLAN}@{approved.fingerprint[:12]}"


def test_the_type_checker_refuses_a_step_without_authority(place: Office) -> None:
    """The ignored error is the proof: mypy complains when it is none any more."""
    change = SetField(object="a", id="1", field="o", before=None, after="S")
    stray = Step(
        source="memory",
        account_id=None,
        action=Action.ACCOUNT_OWNER,
        change=change,
        authority=place.approved().plan,  # type: ignore[arg-type]
    )
    assert stray.change is change
