"""A HubSpot portal by the command line: what is said, kept, and refused."""

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import Cli
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_company import Company, company
from tests.worlds.hubspot_data import TOKEN, Fault
from tests.worlds.hubspot_replies import Answer, Call, limited
from tests.worlds.hubspot_serving import serve

TODAY = ("--as-of", "2027-03-01")
CONFIG = """\
language = "en"
timezone = "Asia/Tokyo"
[time]
rehearsal = true
[crm.hubspot]
portal_id = {portal}
base_url = "{address}"
rate = {{ burst = 100000, search = 100000 }}
"""
FIXED = 'token = "env:TOKEN"\n'
GRANT = """\
client_id = "env:CLIENT"
client_secret = "env:SECRET"
refresh_token = "env:REFRESH"
"""
SECRETS = {
    "TOKEN": TOKEN,
    "CLIENT": "canary-client-1",
    "SECRET": "canary/secret+9",
    "REFRESH": "canary-refresh-7",
}
REPLACED = "canary-replaced-3"


@pytest.fixture
def made() -> Company:
    return company()


@pytest.fixture
def portal(made: Company) -> Portal:
    return made.portal


@pytest.fixture
def address(portal: Portal, folder: Path) -> Iterator[str]:
    with serve(portal) as address:
        configure(folder, address, FIXED)
        yield address


def configure(folder: Path, address: str, login: str, portal: int = 4242) -> None:
    text = CONFIG.format(address=address, portal=portal) + login
    (folder / "handover.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def hub(cli: Cli, address: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    assert address
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    return cli


COMMANDS = (
    ("doctor", "-vv"),
    ("mapping", "check", "-vv"),
    ("sync", "--full", "-vv"),
    ("sync", "-vv", "--json"),
    ("audit", "-vv"),
    ("show", "東京精機", "-vv"),
)


def quoting(call: Call) -> Answer | None:
    """Fail, and repeat what was sent."""
    said = f"bad: {call.headers.get('Authorization')} {call.body}"
    return Answer(400 if call.path.endswith("token") else 403, {"message": said})


FAULTS: dict[str, list[Fault]] = {
    "none": [],
    "quoted": [quoting],
    "rejected": [faults.always(Answer(401, {"message": f"Bearer {TOKEN}"}))],
    "gateway": [faults.always(Answer(403, f"<html>{TOKEN}</html>"))],
    "day": [faults.always(limited("DAILY"))],
}


@pytest.mark.parametrize("login", [FIXED, GRANT], ids=["token", "grant"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.every(2)
def test_no_secret_stands_in_anything_that_is_said_or_kept(
    hub: Cli, portal: Portal, folder: Path, address: str, fault: str, login: str
) -> None:
    configure(folder, address, login)
    portal.faults = [*FAULTS[fault], desk]
    ended = [hub(*words, *TODAY) for words in COMMANDS]
    assert all(one.code == 0 for one in ended) == (fault == "none")
    told = "".join(one.out + one.err for one in ended)
    files = {p for p in folder.rglob("*") if p.is_file()}
    kept = {p for p in files if p.name == "hubspot-refresh-token"}
    assert all(p.stat().st_mode & 0o077 == 0 for p in kept)
    written = b"".join(p.read_bytes() for p in sorted(files - kept))
    assert bool(kept) == (fault == "none" and login == GRANT)
    for secret in (*SECRETS.values(), REPLACED):
        for form in (secret, quote(secret, safe=""), encoded(secret)):
            assert form not in told
            assert form.encode() not in written


def desk(call: Call) -> Answer | None:
    """Hand out a token, and another refresh token with it."""
    if not call.path.endswith("/token"):
        return None
    reply = {"access_token": TOKEN, "expires_in": 1800, "refresh_token": REPLACED}
    return Answer(200, reply)


def encoded(secret: str) -> str:
    return base64.b64encode(secret.encode()).decode().rstrip("=")


def test_another_portal_than_the_pinned_one_is_refused(
    hub: Cli, portal: Portal, folder: Path, address: str
) -> None:
    configure(folder, address, FIXED, portal=1)
    ended = hub("sync", "--json", *TODAY)
    assert (ended.code, ended.json["error"]["code"]) == (5, "wrong_org")
    assert {call.path for call in portal.calls} == {"/account-info/v3/details"}


def test_what_may_not_be_read_is_unreadable_in_every_word(
    hub: Cli, portal: Portal
) -> None:
    portal.forbidden |= {"tickets", "deals"}
    assert hub("sync", *TODAY).code == 0
    data = hub("audit", "--json", *TODAY).data
    states = {
        (item["item"], item["state"])
        for account in data["accounts"]
        for item in account["items"]
    }
    assert ("interactions.requests", "unreadable") in states
    assert ("opportunities.stage", "unreadable") in states
    assert ("opportunities.stage", "missing") not in states
    unmapped = {(r["table_name"], r["status"]) for r in data["unmapped"]}
    assert {("requests", "unreadable"), ("opportunities", "unreadable")} <= unmapped


def test_owners_that_may_not_be_read_are_not_called_inactive(
    hub: Cli, portal: Portal
) -> None:
    portal.forbidden.add("owners")
    hub("sync", *TODAY)
    data = hub("audit", "--json", *TODAY).data
    states = {
        item["item"]: item["state"]
        for account in data["accounts"]
        for item in account["items"]
        if account["name"] == "東京精機"
    }
    assert states["opportunities.owner"] == "unreadable"
    assert states["interactions.requests"] == "unreadable"
    assert not data["inactive_owners"]
    assert "inactive" not in hub("audit", *TODAY).out


def test_tickets_are_requests_one_by_one(
    hub: Cli, portal: Portal, made: Company
) -> None:
    for owner, text in (("7", "1 of 1"), ("9", "0 of 1")):
        portal.edit("tickets", made.ids["ticket"], hubspot_owner_id=owner)
        hub("sync", *TODAY)
        said = hub("show", "東京精機", "--json", *TODAY).data["account"]["items"]
        (item,) = (one for one in said if one["item"] == "interactions.requests")
        assert item["evidence"]["text"] == (
            f"{text} open requests have a subject and an active owner."
        )


def test_what_the_end_of_the_day_stops_is_resumed_tomorrow(
    hub: Cli, portal: Portal
) -> None:
    portal.page_limit = 1

    def spent(call: Call) -> Answer | None:
        return limited("DAILY") if is_page(call, "deals") else None

    portal.faults = [spent]
    ended = hub("sync", "--json", *TODAY)
    assert (ended.code, ended.json["error"]["code"]) == (7, "rate_limited")
    (at,) = (n for n, call in enumerate(portal.calls) if is_page(call, "deals"))
    assert len(portal.calls) - at <= 4  # those that had left already
    portal.faults = []
    assert hub("sync", *TODAY).code == 0
    assert sum(is_page(call, "companies") for call in portal.calls) <= 3 + 1


def is_page(call: Call, kind: str) -> bool:
    """Distinguish a page of a list from a look at whether there is one."""
    return call.path.endswith(f"objects/{kind}") and call.query.get("limit") == "100"


def test_a_plan_is_not_published_half_way_where_a_scope_is_missing(
    hub: Cli, portal: Portal, folder: Path
) -> None:
    (folder / "people.csv").write_text("user,manager\n7,5\n8,5\n", encoding="utf-8")
    with (folder / "handover.toml").open("a") as file:
        file.write('[people]\nfile = "people.csv"\n')
    hub("sync", *TODAY)
    words = ("plan", "new", "--from", "佐藤", "--to", "田中", "--json", *TODAY)
    plan = hub(*words).data["plan"]["id"]
    hub("plan", "edit", plan, "--no-attend", "rest", *TODAY, "--as", "5")
    hub("plan", "submit", plan, *TODAY, "--as", "7")
    hub("plan", "approve", plan, *TODAY, "--as", "5", "--evidence", "people.csv")
    portal.unwritable.add("contacts")  # the scope that tasks are written with
    said = hub("doctor", *TODAY).out
    assert "crm.objects.contacts.write" in said
    writing = ("--before-announcement", "test", "--yes", "--org", "4242", "--json")
    ended = hub("plan", "publish", plan, *writing, *TODAY)
    assert (ended.code, ended.json["error"]["code"]) == (4, "not_permitted")
    assert not portal.commits
