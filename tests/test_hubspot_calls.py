"""What came of a call or meeting on HubSpot, and whether it counts as a talk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Connector
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_company import company
from tests.worlds.hubspot_mirror import Mill
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import opened, rows

DEFAULTS = {
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "no_answer",
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "done",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "no_answer",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "no_answer",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "no_answer",
    "17b47fee-58de-441e-a44c-c6300d46f273": "no_answer",
}
OWN = {
    "11111111-0000-4000-8000-000000000001": ("No answer", "no_answer"),
    "11111111-0000-4000-8000-000000000002": ("connected", "done"),
    "11111111-0000-4000-8000-000000000003": ("不在", "no_answer"),
    "11111111-0000-4000-8000-000000000004": ("通話", "done"),
    "11111111-0000-4000-8000-000000000005": ("Interested", "other"),
}
"""A portal's own dispositions: their labels, and what they come to."""


def define_outcomes(portal: Portal, kind: str, field: str, labels: Any) -> None:
    portal.define(kind, field)
    portal.properties[kind][field]["options"] = [
        {"value": value, "label": label} for value, label in labels.items()
    ]


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    made = company()
    labels = dict.fromkeys(DEFAULTS, "ラベルは変えられる")
    labels |= {value: label for value, (label, _) in OWN.items()}
    define_outcomes(made.portal, "calls", "hs_call_disposition", labels)
    with serve(made.portal) as address:
        yield Mill(tmp_path, address, made)


def call(mill: Mill, disposition: str, status: str = "COMPLETED") -> None:
    known = mill.company.ids["call"]
    given = {"hs_call_disposition": disposition, "hs_call_status": status}
    mill.company.portal.edit("calls", known, **given)


def outcome(mill: Mill) -> object:
    mill.sync()
    return mill.row("activities", "call", "calls")["outcome"]


@pytest.mark.parametrize(("disposition", "expected"), DEFAULTS.items())
def test_a_disposition_of_hubspots_own_counts_in_every_portal(
    mill: Mill, disposition: str, expected: str
) -> None:
    call(mill, disposition)
    assert outcome(mill) == expected


@pytest.mark.parametrize("disposition", OWN)
def test_a_disposition_of_the_portals_own_counts_by_its_label(
    mill: Mill, disposition: str
) -> None:
    call(mill, disposition)
    assert outcome(mill) == OWN[disposition][1]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("COMPLETED", "done"), ("NO_ANSWER", "no_answer"), ("CANCELED", "cancelled")],
)
def test_a_call_without_disposition_counts_by_how_it_ended(
    mill: Mill, status: str, expected: str
) -> None:
    call(mill, "", status)
    assert outcome(mill) == expected


def test_a_disposition_that_nobody_knows_does_not_make_a_talk_of_no_answer(
    mill: Mill,
) -> None:
    call(mill, "11111111-0000-4000-8000-000000000005", "NO_ANSWER")
    assert outcome(mill) == "no_answer"


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("COMPLETED", "COMPLETED"),
        ("completed", "COMPLETED"),
        ("own-1", "NO_SHOW"),
        ("own-2", "お客様都合"),
        ("own-9", "own-9"),
        (None, None),
    ],
)
def test_an_outcome_of_a_meeting_counts_by_its_label_where_it_is_the_portals_own(
    portal: Portal, crm: Connector, value: str | None, expected: str | None
) -> None:
    labels = {"COMPLETED": "完了済み", "own-1": "No show", "own-2": "お客様都合"}
    define_outcomes(portal, "meetings", "hs_meeting_outcome", labels)
    portal.add("meetings", hs_meeting_outcome=value)
    (found,) = rows(crm, "meetings", "id", "meeting_outcome")
    assert found["meeting_outcome"] == expected
    assert found["hs_meeting_outcome"] == value


def test_what_is_derived_is_there_where_its_properties_are(
    portal: Portal, crm: Connector
) -> None:
    portal.records["calls"] = {}
    portal.define("calls", "hs_call_title")
    assert "call_outcome" not in crm.describe("calls").fields
    with serve(portal) as address:
        portal.define("calls", "hs_call_status")
        assert "call_outcome" in opened(address).describe("calls").fields


def test_a_disposition_that_nobody_knows_is_announced_and_the_call_stays(
    mill: Mill,
) -> None:
    call(mill, "11111111-0000-4000-8000-000000000005")
    (aside,) = mill.sync().asides
    assert (aside.column_name, aside.reason) == ("outcome", "unknown_word")
    assert aside.value == "Interested"
    row = mill.row("activities", "call", "calls")
    assert (row["outcome"], row["is_done"]) == ("other", True)
