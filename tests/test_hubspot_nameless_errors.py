"""Errors of a mixed reply that name no input: what they can be about is read."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Change, Connector
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Answer, Call
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import KEY, companies, moves, opened, sent, states, task

CONTEXTS: dict[str, Any] = {
    "absent": None,
    "empty": {},
    "null": {"objectWriteTraceId": None},
    "a text": "the portal's rules",
    "another trace": {"objectWriteTraceId": ["x-1"]},
    "a property": {"propertyName": ["hubspot_owner_id"]},
    "a list": ["hubspot_owner_id"],
    "a number": 7,
}
"""What an error's ``context`` may be without naming any of our inputs."""


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


@pytest.fixture
def keyed(portal: Portal) -> None:
    """Give the portal the unique property for our keys."""
    portal.define("tasks", KEY, unique=(KEY,))


def error(context: Any, message: str = "no room", category: str = "RULE") -> Any:
    entry = {"status": "error", "category": category, "message": message}
    return entry if context is None else {**entry, "context": context}


def fail_some(
    portal: Portal,
    when: str,
    is_bad: Callable[[Any], bool],
    errors: Any,
    *,
    effect: Callable[[Any], bool] = lambda _one: False,
) -> None:
    """Leave some inputs out of a batch, and give errors that name none of them.

    ``effect`` chooses those of them that are carried out all the same.
    """

    def fault(call: Call) -> Answer | None:
        if when not in call.path:
            return None
        bad = [one for one in call.body["inputs"] if is_bad(one)]
        done = [one for one in call.body["inputs"] if not is_bad(one) or effect(one)]
        answer = Answer(200, {"status": "COMPLETE", "results": []})
        if done:
            answer = portal.take(replace(call, body={**call.body, "inputs": done}))
        assert isinstance(answer.body, dict)
        if not bad:
            return answer
        hidden = {str(one.get("id")) for one in bad}
        results = [
            one
            for one in answer.body["results"]
            if str(one.get("id")) not in hidden
            and (one.get("properties") or {}).get(KEY) not in hidden
        ]
        body = {**answer.body, "results": results, "errors": errors}
        return Answer(207, {**body, "numErrors": len(bad)})

    portal.faults.append(fault)


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_errors_without_a_name_stand_with_the_records_they_can_be_about(
    portal: Portal, crm: Connector, context: Any
) -> None:
    keys = companies(portal, 41)
    bad = keys[7:10]
    errors = [error(context)] * 3
    fail_some(portal, "batch/update", lambda one: one["id"] in bad, errors)
    found = sent(crm, moves(keys))
    assert [o.state for o in found].count("done") == 38
    refused = [o for o in found if o.state == "refused"]
    assert found[7:10] == refused
    assert {(o.code, o.message) for o in refused} == {("RULE", "no room")}
    assert sum("batch/update" in call.path for call in portal.calls) == 1


def test_what_an_error_without_a_name_left_done_is_done(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 5)
    fail_some(
        portal,
        "batch/update",
        lambda one: one["id"] in keys[1:3],
        [error(None)],
        effect=lambda one: one["id"] == keys[1],
    )
    found = sent(crm, moves(keys))
    assert states(found) == ["done", "done", "refused", "done", "done"]


def test_several_errors_without_names_are_all_told(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    errors = [error(None), error(None, "no owner", "OWNER"), "and a text"]
    fail_some(portal, "batch/update", lambda _one: True, errors)
    found = sent(crm, moves(keys))
    assert {(o.state, o.code, o.message) for o in found} == {
        ("refused", "RULE/OWNER/ERROR", "no room / no owner / and a text")
    }


def test_a_named_error_is_not_told_of_others(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 3)
    errors = [
        error({"objectWriteTraceId": [keys[0]]}, "mine"),
        error(f"id={keys[1]}", "mine, too"),
        error("who knows", "anybody's"),
    ]
    fail_some(portal, "batch/update", lambda _one: True, errors)
    found = sent(crm, moves(keys))
    assert [o.message for o in found] == ["mine", "mine, too", "anybody's"]


def test_an_error_stays_in_doubt_with_its_words_while_nothing_can_be_read(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 2)
    fail_some(portal, "batch/update", lambda one: one["id"] == keys[0], [error(None)])
    gone = Answer(403, {"category": "MISSING_SCOPES"})
    portal.faults.append(faults.times(gone, "companies/batch/read", 99))
    found = sent(crm, moves(keys))
    assert states(found) == ["in_doubt", "done"]
    assert (found[0].code, found[0].message) == ("RULE", "no room")


@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_a_task_that_an_error_without_a_name_is_about_is_looked_for(
    portal: Portal, crm: Connector, context: Any, *, has_key: bool
) -> None:
    if has_key:
        portal.define("tasks", KEY, unique=(KEY,))
    keys = companies(portal, 4)

    def is_bad(one: Any) -> bool:
        return bool(one["objectWriteTraceId"] == f"handover:{keys[1]}")

    when = "batch/upsert" if has_key else "batch/create"
    fail_some(portal, when, is_bad, [error(context)])
    found = sent(crm, [task(key, f"handover:{key}") for key in keys])
    assert states(found) == ["done", "refused", "done", "done"]
    assert (found[1].code, found[1].message) == ("RULE", "no room")
    assert len(portal.records["tasks"]) == 3


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_a_link_that_an_error_without_a_name_is_about_is_looked_for(
    portal: Portal, crm: Connector, context: Any
) -> None:
    keys = companies(portal, 3)

    def is_bad(one: Any) -> bool:
        return bool(one["to"]["id"] == keys[2])

    fail_some(portal, "associate/default", is_bad, [error(context)])
    changes: list[Change] = [task(key, f"handover:{key}") for key in keys]
    found = sent(crm, changes)
    assert states(found) == ["done", "done", "refused"]
    assert "not linked" in str(found[2].message)
    assert "no room" in str(found[2].message)


@pytest.mark.parametrize("errors", [["a text"], "a text", {"message": "x"}, [None], 7])
def test_no_shape_of_errors_is_a_crash(
    portal: Portal, crm: Connector, errors: Any
) -> None:
    """Neither when a batch is written nor when one is read."""
    keys = companies(portal, 2)
    fail_some(portal, "batch/update", lambda one: one["id"] == keys[0], errors)
    assert states(sent(crm, moves(keys)))[1] == "done"


@pytest.mark.parametrize("results", [["a text"], [None], [{}], [{"id": None}], "text"])
@pytest.mark.parametrize("when", ["batch/update", "batch/upsert", "associate/default"])
@pytest.mark.usefixtures("keyed")
def test_no_shape_of_results_of_a_write_is_a_crash(
    portal: Portal, crm: Connector, results: Any, when: str
) -> None:
    (key,) = companies(portal, 1)

    def spoil(answer: Answer) -> Answer:
        return Answer(200, {"status": "COMPLETE", "results": results})

    portal.faults.append(faults.after_commit(portal, when, spoil))
    change = moves([key])[0] if when == "batch/update" else task(key)
    (found,) = sent(crm, [change])
    assert found.state in {"in_doubt", "done"}
    assert len(portal.commits) == 1
