"""Signing in to HubSpot, where requests go, and that no secret gets out."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest

from connectors.base import Connector
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    ForeignAddress,
    SettingRejected,
)
from connectors.token_file import TokenFile
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_replies import Answer, Call, Json
from tests.worlds.hubspot_serving import serve
from tests.worlds.serving import serving
from tests.worlds.small_portal import (
    GRANT,
    Hurry,
    companies,
    moves,
    opened,
    rows,
    token_desk,
)


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


def test_a_rejected_token_is_not_tried_twice_and_not_shown(portal: Portal) -> None:
    with serve(portal) as address:
        crm = opened(address, token="pat-canary-wrong")
        with pytest.raises(AuthenticationFailed) as caught:
            crm.identify()
    assert len(portal.calls) == 1
    assert "canary" not in str(caught.value)


def test_a_token_that_ends_between_pages_is_renewed_once_for_all_threads(
    portal: Portal,
) -> None:
    companies(portal, 1200)
    given = token_desk(portal, every=15)
    with serve(portal) as address, ThreadPoolExecutor(8) as pool:
        crm = opened(address, Hurry(), token=None, **GRANT)
        pulls = [pool.submit(rows, crm, "companies", "id") for _ in range(8)]
        assert [len(pull.result()) for pull in pulls] == [1200] * 8
    assert len(given) <= 2 + len(portal.calls) // 15


def test_a_rejected_grant_is_tried_once_by_all_threads_together(portal: Portal) -> None:
    body = {"status": "BAD_REFRESH_TOKEN", "message": "canary-r is dead"}
    portal.faults.append(faults.always(Answer(400, {"error": "invalid_grant"} | body)))
    with serve(portal) as address, ThreadPoolExecutor(8) as pool:
        crm = opened(address, Hurry(), token=None, **GRANT)
        pulls = [pool.submit(rows, crm, "companies", "id") for _ in range(8)]
        errors = [pull.exception() for pull in pulls]
    assert {type(error) for error in errors} == {AuthenticationFailed}
    assert "canary" not in str(errors)
    assert len(portal.calls) <= 2


# A replaced refresh token


def granted(address: str, folder: Path) -> Connector:
    """Open a connector with a grant whose refresh token may be replaced."""
    return opened(address, Hurry(), token=None, token_folder=folder, **GRANT)


def logins(portal: Portal) -> list[str]:
    calls = (c for c in portal.calls if c.path.endswith("/token"))
    return [str(call.body["refresh_token"]) for call in calls]


def replace_tokens(portal: Portal, *, dead: str = "") -> None:
    """Replace the refresh token at each use; refuse one."""

    def desk(call: Call) -> Answer | None:
        if call.path != "/oauth/2026-03/token":
            return None
        if call.body["refresh_token"] == dead:
            return Answer(400, {"error": "invalid_grant"})
        reply = {"access_token": portal.token, "expires_in": 1800}
        return Answer(200, reply | {"refresh_token": "rotated-canary"})

    portal.faults.append(desk)


def test_a_replaced_token_is_on_disk_before_it_is_used(
    portal: Portal, tmp_path: Path
) -> None:
    file = TokenFile(folder=tmp_path, source="hubspot")
    seen: list[str | None] = []
    replace_tokens(portal)
    portal.faults.append(lambda _call: seen.append(file.read()))
    with serve(portal) as address:
        granted(address, tmp_path).identify()
    assert seen == ["rotated-canary"]
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o077 == 0


def test_the_next_start_uses_the_kept_token(portal: Portal, tmp_path: Path) -> None:
    replace_tokens(portal)
    with serve(portal) as address:
        for _ in range(2):
            opened(
                address, Hurry(), token=None, token_folder=tmp_path, **GRANT
            ).identify()
    assert logins(portal) == ["canary-r", "rotated-canary"]


def test_a_new_log_in_of_a_person_wins_over_a_dead_kept_token(
    portal: Portal, tmp_path: Path
) -> None:
    TokenFile(folder=tmp_path, source="hubspot").save("old-canary")
    replace_tokens(portal, dead="old-canary")
    with serve(portal) as address:
        granted(address, tmp_path).identify()
    assert logins(portal) == ["old-canary", "canary-r"]


def test_a_crash_between_replacing_and_keeping_ends_in_a_clear_message(
    portal: Portal, tmp_path: Path
) -> None:
    TokenFile(folder=tmp_path, source="hubspot").save("old-canary")
    refused = Answer(400, {"error": "invalid_grant", "status": "BAD_REFRESH_TOKEN"})
    portal.faults.append(faults.always(refused))
    with serve(portal) as address:
        crm = granted(address, tmp_path)
        for _ in range(3):
            with pytest.raises(AuthenticationFailed):
                crm.identify()
    assert len(portal.calls) == 2


def test_a_replaced_token_that_cannot_be_kept_is_not_used(portal: Portal) -> None:
    replace_tokens(portal)
    with serve(portal) as address, pytest.raises(SettingRejected):
        opened(address, Hurry(), token=None, **GRANT).identify()
    assert {call.path for call in portal.calls} == {"/oauth/2026-03/token"}


# Who is who


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"portalName": "東京本社", "uiDomain": "app.hubspot.com"}, "東京本社"),
        ({"uiDomain": "app-eu1.hubspot.com"}, "app-eu1.hubspot.com 4242"),
        ({"uiDomain": "app.hubspot.com", "accountName": "X"}, "app.hubspot.com 4242"),
        ({}, "127.0.0.1 4242"),
    ],
)
def test_a_portal_is_called_by_what_the_api_tells(
    portal: Portal, crm: Connector, told: Json, name: str
) -> None:
    portal.account = told
    identity = crm.identify()
    assert (identity.org_id, identity.org_name) == ("4242", name)


def test_every_call_says_who_makes_it(portal: Portal, crm: Connector) -> None:
    sent = moves(companies(portal, 1))
    crm.identify()
    rows(crm, "companies", "id", since=portal.now)
    crm.write(sent)
    agents = {call.headers["User-Agent"].partition("/")[0] for call in portal.calls}
    assert agents == {"handover"}


# Where requests go, and what gets out


@pytest.mark.parametrize("address", ["http://api.hubapi.example", "ftp://127.0.0.1"])
def test_plain_http_goes_to_this_machine_only(address: str) -> None:
    with pytest.raises(ForeignAddress):
        opened(address)


def test_no_link_and_no_redirect_to_another_host_is_followed(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 101)
    assert len(rows(crm, "companies", "id")) == 101  # its links point to x.example
    visits: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)

        def do_POST(self) -> None:
            visits.append(self.path)

    with serving(Elsewhere) as elsewhere:
        away = Answer(307, "", {"Location": f"{elsewhere}/collect"})
        portal.faults.append(faults.always(away))
        with pytest.raises(ForeignAddress):
            rows(crm, "companies", "id")
        (outcome,) = crm.write(moves(companies(portal, 1)))
        assert (outcome.state, type(outcome.error)) == ("unsent", ForeignAddress)
    assert not visits


def test_secrets_get_out_by_no_error(portal: Portal) -> None:
    forms = [TOKEN, quote(TOKEN), base64.b64encode(TOKEN.encode()).decode()]
    wrong = [
        Answer(status, {"message": f"Authorization: Bearer {TOKEN} is bad"})
        for status in (400, 401, 403, 404, 409, 530)
    ]
    told = []
    with serve(portal) as address:
        for answer in wrong:
            portal.faults = [faults.always(answer)]
            crm = opened(address)
            changes = moves(companies(portal, 1))
            for call in (crm.identify, partial(crm.write, changes)):
                try:
                    told.append(repr(call()))
                except ConnectorError as error:
                    told.append(repr(error) + repr(error.params))
    assert told
    assert not [text for text in told if any(form in text for form in forms)]


def test_a_malformed_token_is_a_matter_of_signing_in(
    portal: Portal, crm: Connector
) -> None:
    portal.faults.append(faults.always(Answer(530, faults.CLOUDFLARE)))
    with pytest.raises(AuthenticationFailed):
        crm.identify()
    assert len(portal.calls) == 1


@pytest.mark.parametrize("status", [400, 401, 429, 502])
def test_the_parts_of_a_grant_get_out_by_no_error(portal: Portal, status: int) -> None:
    quoting = {"message": f"{GRANT['client_secret']} {GRANT['refresh_token']}"}
    portal.faults.append(faults.always(Answer(status, quoting)))
    with serve(portal) as address:
        crm = opened(address, Hurry(), token=None, **GRANT)
        with pytest.raises(ConnectorError) as caught:
            crm.identify()
    assert "canary" not in repr(caught.value) + repr(caught.value.params)
