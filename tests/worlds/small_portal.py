"""A small HubSpot portal and a connector to it, as several tests use them."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.base import Change, Connector, Create, Outcome, Pull, Row, SetField
from connectors.hubspot.crm import Time, open_portal
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_replies import Answer, Call, limited

KEY = "handover_key"
LINKS = ("associations.companies", "primary_association.companies")
OWNERS = (
    {
        "id": "7",
        "userId": 70,
        "email": "sato@example.jp",
        "firstName": "健一",
        "lastName": "佐藤",
    },
    {
        "id": "8",
        "userId": 80,
        "email": "tanaka@example.jp",
        "firstName": "遥",
        "lastName": "田中",
        "teams": [{"id": "1", "name": "関東", "primary": True}],
    },
    {"id": "9", "userIdIncludingInactive": 90, "email": "gone@x.jp", "archived": True},
)


@dataclass
class Hurry:
    """A clock that jumps over whatever one would wait for."""

    skipped: float = 0.0

    def clock(self) -> float:
        """Return the time."""
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        """Pass some time at once."""
        self.skipped += seconds


class Still(Hurry):
    """A clock that passes by sleeping alone: a slow machine is as fast as any."""

    def clock(self) -> float:
        """Return the time."""
        return self.skipped


def small_portal() -> Portal:
    """A portal with three owners, one of them deactivated, and tasks."""
    portal = Portal()
    portal.owners = [dict(owner) for owner in OWNERS]
    portal.define("tasks", "hs_task_subject", "hs_task_body", "hs_timestamp")
    portal.define("tasks", "hubspot_owner_id", "hs_task_status")
    portal.define("companies", "name", "hubspot_owner_id")
    return portal


def opened(address: str, hurry: Hurry | None = None, **settings: object) -> Connector:
    """Open a connector that need not wait."""
    hurry = hurry or Hurry()
    given: dict[str, object] = {"base_url": address, "token": TOKEN, "task_key": KEY}
    fast = {"rate": {"burst": 100_000, "search": 100_000}}
    time_ = Time(clock=hurry.clock, sleep=hurry.sleep)
    return open_portal(given | fast | settings, time_)


def rows(
    crm: Connector, kind: str, *fields: str, since: datetime | None = None
) -> list[Row]:
    """Pull an object's rows."""
    request = Pull(object=kind, fields=fields, since=since)
    return [row for page in crm.pull(request) for row in page.rows]


def companies(portal: Portal, count: int) -> list[str]:
    """Add companies of owner 7."""
    return [portal.add("companies", hubspot_owner_id="7") for _ in range(count)]


def moves(keys: Sequence[str], owner: str = "8") -> list[SetField]:
    """Give companies another owner."""
    return [
        SetField(
            object="companies", id=k, field="hubspot_owner_id", before="7", after=owner
        )
        for k in keys
    ]


def task(company: str, key: str = "handover:p:1", field: str | None = KEY) -> Create:
    """A task of ours that hangs on a company."""
    values = {
        "hs_task_subject": "引継",
        "hs_task_body": "お客様を訪問",
        "hs_timestamp": "2027-04-01",
    }
    return Create(
        object="tasks",
        key=key,
        key_field=field,
        values=values,
        links={"account": company},
    )


def sent(crm: Connector, changes: Sequence[Change]) -> list[Outcome]:
    """Send changes as a run would."""
    return [outcome for b in crm.batches(changes) for outcome in crm.write(b)]


def states(outcomes: Sequence[Outcome]) -> list[str]:
    """List what became of changes."""
    return [outcome.state for outcome in outcomes]


# Faults that several tests share

LOST = [faults.cut_short, faults.too_short, faults.too_long, faults.gateway]
TURNED = {
    "ten seconds": (10, limited("TEN_SECONDLY_ROLLING")),
    "with a time": (3, limited("TEN_SECONDLY_ROLLING", **{"Retry-After": "3"})),
    "one second": (1, limited("SECONDLY")),
    "a date": (9, limited("", **{"Retry-After": "Mon, 01 Mar 2027 00:00:09 GMT"})),
    "a page": (1, Answer(429, "<html>slow down</html>")),
    "nothing": (1, Answer(429, "")),
    "locked": (2, Answer(423, {"status": "error", "category": "LOCKED"})),
    "migrating": (30, Answer(477, {"message": "m"}, {"Retry-After": "30"})),
}

GRANT: dict[str, object] = {
    "client_id": "c",
    "client_secret": "canary-secret",
    "refresh_token": "canary-r",
}


def token_desk(portal: Portal, every: int) -> list[str]:
    """Hand out tokens, each good for some calls only; tell which were asked for."""
    given: list[str] = []
    good = itertools.count(1)

    def desk(call: Call) -> Answer | None:
        if call.path == "/oauth/2026-03/token":
            given.append(f"pat-{len(given)}")
            portal.token = given[-1]
            return Answer(200, {"access_token": given[-1], "expires_in": 1800})
        if call.token == portal.token and next(good) % every == 0:
            portal.token = "revoked"
        return None

    portal.faults.append(desk)
    return given
