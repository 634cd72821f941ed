"""Every body that we send is what HubSpot's own client would send.

Its models name the fields of each body, their types, which must be there and which
values they take. They are generated from HubSpot's published description of its API.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hubspot.crm.associations.v4 as associations
import pytest
from hubspot.crm import objects, properties
from hubspot.oauth import TokensApi

from tests.conftest import Cli
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_company import Company, company
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_folder import TODAY, WRITING, configure, decided
from tests.worlds.hubspot_replies import Call
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import GRANT, Hurry, opened, token_desk
from tests.worlds.world import plan_in

OBJECTS = "/crm/v3/objects/[a-z_]+"
PAIRS = "/crm/v4/associations/[a-z_]+/[a-z_]+"
MODELS: dict[str, tuple[Any, str]] = {
    f"{OBJECTS}/search": (objects, "PublicObjectSearchRequest"),
    f"{OBJECTS}/batch/read": (objects, "BatchReadInputSimplePublicObjectId"),
    f"{OBJECTS}/batch/update": (objects, "BatchInputSimplePublicObjectBatchInput"),
    f"{OBJECTS}/batch/upsert": (
        objects,
        "BatchInputSimplePublicObjectBatchInputUpsert",
    ),
    f"{OBJECTS}/batch/create": (
        objects,
        "BatchInputSimplePublicObjectBatchInputForCreate",
    ),
    f"{PAIRS}/batch/read": (
        associations,
        "BatchInputPublicFetchAssociationsBatchRequest",
    ),
    f"{PAIRS}/batch/associate/default": (
        associations,
        "BatchInputPublicDefaultAssociationMultiPost",
    ),
    "/crm/v3/properties/[a-z_]+": (properties, "PropertyCreate"),
}
"""The model of each body, by the path that takes it."""
EXEMPT = {"sorts"}
"""The client calls them texts; the API takes a property and a direction."""
SIMPLE = {"str": str, "int": int, "bool": bool}


def check(call: Call) -> str:
    """Check a call's body; return the pattern of its path.

    Raises:
        AssertionError: the client would send no such body.
    """
    patterns = [one for one in MODELS if re.fullmatch(one, call.path)]
    assert len(patterns) == 1, call.path
    module, name = MODELS[patterns[0]]
    build(module, name, call.body, call.path)
    return patterns[0]


def build(module: Any, kind: str, value: Any, where: str) -> Any:
    """Build a value of one of the client's types, as it validates it itself."""
    if found := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(value, list), where
        return [
            build(module, found[1], one, f"{where}[{n}]") for n, one in enumerate(value)
        ]
    if found := re.fullmatch(r"dict\[str, (.+)\]", kind):
        assert isinstance(value, dict), where
        return {
            key: build(module, found[1], one, f"{where}.{key}")
            for key, one in value.items()
        }
    if kind in SIMPLE:
        assert type(value) is SIMPLE[kind], f"{where} is {value!r}, not {kind}"
        return value
    model = getattr(module, kind)
    assert isinstance(value, Mapping), where
    names = {there: here for here, there in model.attribute_map.items()}
    assert not value.keys() - names.keys(), f"{where}: {value.keys() - names.keys()}"
    parts = {
        names[there]: build(
            module, model.openapi_types[names[there]], part, f"{where}.{there}"
        )
        for there, part in value.items()
        if there not in EXEMPT
    }
    configuration = module.Configuration()
    configuration.client_side_validation = True
    return model(**parts, local_vars_configuration=configuration)


def posted(portal: Portal) -> list[Call]:
    """List the calls that had a body."""
    return [call for call in portal.calls if call.method == "POST"]


def carry_out(cli: Cli, made: Company, *, has_key: bool) -> None:
    """Take the whole way, from the doctor to undo, with a night in between."""

    def call(*words: str) -> None:
        ended = cli(*words, "--json")
        assert ended.code == 0, ended.out + ended.err

    portal, ids = made.portal, made.ids
    if has_key:
        call("doctor", "--fix", *WRITING)
    else:
        portal.unwritable.add("schemas")
    plan = decided(call, lambda: plan_in(Path.cwd()))
    portal.edit("companies", ids["denki"], name="大阪電機株式会社")
    portal.merge("companies", ids["other"], ids["denki"])
    portal.archive("deals", ids["won2"])
    call("sync", *TODAY)
    call("plan", "publish", plan, "--before-announcement", "test", *WRITING)
    call("reassign", plan, "--early", "test", *WRITING)
    call("runs", "verify", "last")
    call("undo", "last", *WRITING, "--as", "5")


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    made = company()
    with serve(made.portal) as address:
        configure(folder, address)
        yield made


@pytest.mark.parametrize("has_key", [True, False], ids=["keyed", "in the body"])
@pytest.mark.every(2)
def test_every_body_of_a_whole_handover_is_one_of_hubspots_own_clients(
    cli: Cli, made: Company, *, has_key: bool
) -> None:
    carry_out(cli, made, has_key=has_key)
    seen = {check(call) for call in posted(made.portal)}
    of_keys = ("batch/upsert", "associate/default", "properties/[a-z_]+")
    unused = ("batch/create",) if has_key else of_keys
    assert seen == {one for one in MODELS if not one.endswith(unused)}


def test_what_the_client_would_not_send_is_found() -> None:
    path = "/crm/v3/objects/companies/batch/update"

    def call(**more: object) -> Call:
        one = {"id": "7", "properties": {"name": "x"}, **more}
        return Call("POST", path, {}, {"inputs": [one]}, TOKEN)

    check(call(objectWriteTraceId="7"))
    for wrong in ({"id": 7}, {"traceId": "7"}, {"properties": {"name": None}}):
        with pytest.raises(AssertionError):
            check(call(**wrong))
    with pytest.raises(ValueError, match="must not be `None`"):
        check(Call("POST", path, {}, {"inputs": [{"id": "7"}]}, TOKEN))
    search = {"filterGroups": [{"filters": [{"propertyName": "x", "operator": "IS"}]}]}
    with pytest.raises(ValueError, match="must be one of"):
        check(Call("POST", "/crm/v3/objects/deals/search", {}, search, TOKEN))


def test_the_form_that_renews_a_token_has_the_clients_fields(portal: Portal) -> None:
    token_desk(portal, every=100)
    with serve(portal) as address:
        opened(address, Hurry(), token=None, **GRANT).identify()
    (form,) = [call.body for call in portal.calls if call.path.endswith("/token")]
    known = TokensApi.create.__doc__ or ""
    assert form["grant_type"] == "refresh_token"
    assert all(f":type {name}: str" in known for name in form)
