"""The standard objects of a real org: what we name is there, what we write it takes.

The facts are data (``tests/crm``), taken from recorded descriptions where a licence
allows that. The loopback org describes itself by them, and refuses by them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Create
from connectors.salesforce.added import HAPPENED, NEEDED
from connectors.salesforce.crm import SalesforceCRM
from connectors.salesforce.narrowing import narrowings
from connectors.salesforce.schema import STANDARD as OURS
from connectors.salesforce.schema import is_added
from connectors.salesforce.teams import TEAMS
from handover.mirror.visibility import Describer
from mappings.check import check
from mappings.inverse import find_target
from mappings.load import load_mapping
from mappings.model import LINKS, Mapping
from tests.worlds.salesforce import KEY, PREFIXES, error
from tests.worlds.salesforce_standard import STANDARD
from tests.worlds.small_org import Company, connected

MAPPINGS = ("salesforce", "salesforce-assets", "salesforce-orders")
SOME_ORGS = {"CurrencyIsoCode": "several currencies", "Type": "kinds of tasks"}
"""Standard fields that an org has only with a feature."""


@pytest.fixture
def whole(org: Company) -> Company:
    org.define_whole(*STANDARD)
    return org


@pytest.fixture
def crm(whole: Company) -> Iterator[SalesforceCRM]:
    with connected(whole) as crm:
        yield crm


def mapping_of(name: str) -> Mapping:
    return load_mapping(name, Path())


def find(kind: str, path: str) -> dict[str, Any] | None:
    """Find a field by its path, as SOQL does: through the names of relations."""
    head, dot, rest = path.partition(".")
    if not dot:
        return STANDARD[kind].get(path)
    link = next(e for e in STANDARD[kind].values() if e["relationshipName"] == head)
    (target,) = link["referenceTo"]
    return find(target, rest)


@pytest.mark.parametrize("name", MAPPINGS)
def test_every_field_that_a_mapping_names_is_one_of_a_real_org(name: str) -> None:
    mapping = mapping_of(name)
    named = [
        (kind, field)
        for kind in mapping.objects()
        for field in mapping.fields(kind)
        if not is_added(kind, field) and field not in SOME_ORGS
    ]
    assert len(named) > 100 or name != "salesforce"
    assert not [each for each in named if find(*each) is None]


def test_every_field_that_the_connector_counts_on_is_one_of_a_real_org() -> None:
    named = {(kind, field) for kind, fields in OURS.items() for field in fields}
    named |= {(kind, n.field) for kind in STANDARD for n in narrowings(kind)}
    named |= {(kind, field) for kind, fields in HAPPENED.items() for field in fields}
    named |= {("Task", f) for f in (*NEEDED["kind"], *NEEDED["account_id"])}
    named |= {("EventRelation", field) for field in NEEDED["target"]}
    lacking = {each for each in named if find(*each) is None}
    assert lacking == {("Task", "Type")}
    assert "Type" in SOME_ORGS


def test_a_real_org_takes_what_we_write() -> None:
    mapping = mapping_of("salesforce")
    task = mapping.write.task
    assert task is not None
    changed = {task.due, task.owner_id, task.status.field}
    created = {task.subject, task.text, *task.links.values(), *changed}
    assert all(STANDARD[task.object][name]["createable"] for name in created)
    assert all(STANDARD[task.object][name]["updateable"] for name in changed)
    for table in ("accounts", "contacts", "opportunities", "requests", "activities"):
        for part in mapping.of(table):
            target = find_target(mapping, table, "owner_id", part.object)
            assert target is not None
            assert STANDARD[part.object][target.field]["updateable"]
    for team in TEAMS.values():
        for name in (team.record, "UserId", *team.values):
            assert STANDARD[team.members][name]["createable"]


def test_a_whole_org_has_everything_that_the_mapping_asks_for(
    crm: SalesforceCRM,
) -> None:
    checked = check(mapping_of("salesforce"), Describer(connector=crm))
    assert not checked.problems
    mapped = {(t, c) for t, c, status in checked.columns if status == "mapped"}
    mapping = mapping_of("salesforce")
    named = {(t, c) for t in mapping.tables for p in mapping.of(t) for c in p.fields}
    # What an activity hangs on stands in a table of its own.
    named -= {("activities", name) for name in LINKS}
    assert {column for _, column in named - mapped} == {"currency"}


def test_the_org_refuses_what_a_real_one_refuses(
    whole: Company, crm: SalesforceCRM
) -> None:
    (account,) = whole.accounts(1)

    def code(**values: str) -> str | None:
        create = Create(
            object="Task", key="handover:p:1", key_field=None, values=values
        )
        (outcome,) = crm.write([create])
        return outcome.code

    assert code(Subject="引継") is None
    assert code(AccountId=account) == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert code(Nonsense__c="1") == "INVALID_FIELD"
    told = whole.selected(
        "SELECT Id FROM Task WHERE Description = 'x'", everything=True
    )
    message = "field 'Description' can not be filtered in a query call"
    assert told == error(400, "INVALID_FIELD", message)


def test_the_facts_stand_beside_the_licence_of_their_source() -> None:
    notice = Path(__file__).with_name("crm") / "NOTICE"
    text = notice.read_text(encoding="utf-8")
    assert "Redistribution and use in source and binary forms" in text
    assert set(PREFIXES) - {"Organization"} <= set(STANDARD)
    assert KEY not in STANDARD["Task"]
