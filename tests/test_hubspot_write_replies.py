"""What comes back from HubSpot is compared with what was sent, input by input."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Capability, Connector
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Answer, Json
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import KEY, companies, moves, opened, sent, states, task


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


@pytest.fixture
def keyed(portal: Portal) -> None:
    """Give the portal the unique property for our keys."""
    portal.define("tasks", KEY, unique=(KEY,))


def spoilt_body(portal: Portal, when: str, change: Callable[[Json], Json]) -> None:
    """Let a call take effect and its reply say something else."""

    def spoil(answer: Answer) -> Answer:
        assert isinstance(answer.body, dict)
        return replace(answer, body=change(answer.body))

    portal.faults.append(faults.after_commit(portal, when, spoil))


def test_any_success_is_a_success(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 3)
    portal.faults.append(
        faults.after_commit(portal, "batch/update", faults.created_overnight)
    )
    assert set(states(sent(crm, moves(keys)))) == {"done"}


@pytest.mark.parametrize("body", [{}, {"results": []}, {"results": None}, []])
def test_a_success_that_names_nobody_is_doubt(
    portal: Portal, crm: Connector, body: Any
) -> None:
    keys = companies(portal, 3)
    portal.faults.append(
        faults.after_commit(portal, "batch/update", lambda a: replace(a, body=body))
    )
    assert set(states(sent(crm, moves(keys)))) == {"in_doubt"}


def test_a_record_that_comes_back_as_another_is_in_doubt(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)

    def merged(body: Json) -> Json:
        for result in body["results"]:
            result["id"] = result["id"].replace(keys[1], "999")
        return body

    spoilt_body(portal, "batch/update", merged)
    assert states(sent(crm, moves(keys))) == ["done", "in_doubt", "done"]


@pytest.mark.parametrize("name", ["ids", "objectWriteTraceId"])
def test_an_error_is_matched_by_its_trace_or_by_the_id_alone(
    portal: Portal, crm: Connector, name: str
) -> None:
    keys = companies(portal, 3)
    del portal.records["companies"][keys[1]]

    def meagre(body: Json) -> Json:
        (entry,) = body["errors"]
        entry["context"] = {name: entry["context"][name]}
        return body

    spoilt_body(portal, "batch/update", meagre)
    found = sent(crm, moves(keys))
    assert states(found) == ["done", "refused", "done"]
    assert found[1].code == "OBJECT_NOT_FOUND"
    assert found[1].message == "Could not get some objects"


@pytest.mark.usefixtures("keyed")
def test_a_task_is_matched_by_its_trace_where_the_key_is_not_shown(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)

    def traced(body: Json) -> Json:
        for result in body["results"]:
            result["objectWriteTraceId"] = result["properties"].pop(KEY)
        return body

    spoilt_body(portal, "batch/upsert", traced)
    found = sent(crm, [task(key, f"handover:{key}") for key in keys])
    assert states(found) == ["done"] * 3
    assert all(portal.records["companies"][key].links["tasks"] for key in keys)


@pytest.mark.usefixtures("keyed")
def test_links_that_a_reply_leaves_out_are_looked_for(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    spoilt_body(portal, "associate/default", lambda body: {**body, "results": []})
    found = sent(crm, [task(key, f"handover:{key}") for key in keys])
    assert states(found) == ["done"] * 3
    assert sum("associate/default" in call.path for call in portal.calls) == 1


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize("names", [["fromObjectId", "toObjectId"], ["toObjectId"]])
def test_a_link_is_refused_by_whatever_end_the_error_names(
    portal: Portal, crm: Connector, names: list[str]
) -> None:
    keys = [*companies(portal, 2), "404404"]

    def naming(body: Json) -> Json:
        (entry,) = body["errors"]
        entry["context"] = {name: entry["context"][name] for name in names}
        return body

    spoilt_body(portal, "associate/default", naming)
    found = sent(crm, [task(key, f"handover:{key}") for key in keys])
    assert states(found) == ["done", "done", "refused"]
    assert found[2].code == "OBJECT_NOT_FOUND"


@pytest.mark.usefixtures("keyed")
def test_a_success_without_content_is_looked_into(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 300)
    for when in ("batch/update", "associate/default"):
        portal.faults.append(
            faults.after_commit(portal, when, lambda _: Answer(204, ""))
        )
    found = sent(crm, [*moves(keys), *(task(key, f"handover:{key}") for key in keys)])
    assert states(found) == ["in_doubt"] * 100 + ["done"] * 500
    assert sum("associate/default" in call.path for call in portal.calls) == 1


@pytest.mark.parametrize("has_key", [True, False])
def test_every_input_of_every_write_has_a_trace_of_its_own(
    portal: Portal, crm: Connector, *, has_key: bool
) -> None:
    if has_key:
        crm.prepare(create=True)
    assert (Capability.KEYED_CREATES in crm.capabilities) is has_key
    keys = companies(portal, 120)
    sent(crm, [*moves(keys), *(task(key, f"handover:{key}") for key in keys)])
    batches = [
        [one["objectWriteTraceId"] for one in call.body["inputs"]]
        for call in portal.calls
        if call.path.endswith(("batch/update", "batch/upsert", "batch/create"))
        and call.body["inputs"]
    ]
    assert sum(map(len, batches)) == 240
    assert all(len(set(traces)) == len(traces) for traces in batches)
