"""A Salesforce org on this machine, after Salesforce's own documentation.

It speaks HTTP like the real one: describe, SOQL by ``query`` and ``queryAll`` with
locators, Bulk 2.0 queries, sObject Collections with results by position, assignment
rules that run unless they are told not to, account teams that an owner change drops,
and limits. ``faults`` break it on purpose; ``commits`` is the judge of all promises.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.worlds import soql
from tests.worlds.salesforce_standard import STANDARD

Json = Any
KEY = "HandoverKey__c"
Automation = Callable[[str, dict[str, Any]], dict[str, Any]]
"""What triggers set in the save of a record: by kind and the values that were given."""
Fault = Callable[["Call"], "Answer | None"]
PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "Task": "00T",
    "Event": "00U",
    "TaskRelation": "0RT",
    "EventRelation": "0RE",
    "Case": "500",
    "AccountTeamMember": "01M",
    "Organization": "00D",
}
SYSTEM = ("Id", "SystemModstamp", "IsDeleted", "MasterRecordId")
LINKS: dict[str, tuple[str, ...]] = {
    "OwnerId": ("User", "Group"),
    "AccountId": ("Account",),
    "ContactId": ("Contact",),
    "OpportunityId": ("Opportunity",),
    "WhatId": ("Account", "Opportunity"),
    "WhoId": ("Contact", "Lead"),
    "Product2Id": ("Product2",),
    "OrderId": ("Order",),
}
TEAMS = {"Account": "AccountTeamMember", "Opportunity": "OpportunityTeamMember"}
QUEUE = "00G000000000001AAA"
LONGEST_ADDRESS = 16_384


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Json
    headers: dict[str, str]
    length: int = 0
    """Of the address, in bytes."""


@dataclass
class Answer:
    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    """Close the connection without a word."""
    cut: int | None = None
    """Close it after so many bytes of the body."""
    raw: bytes | None = None
    """What goes over the wire instead of the body, packed as ``encoding`` says."""
    encoding: str = ""
    repeat: int = 1
    """How often it goes over the wire, one after the other."""
    pause: float = 0.0
    """Seconds before each time."""


class Org:
    def __init__(self) -> None:
        self.now = datetime(2027, 3, 1, tzinfo=UTC)
        self.token = "00D-canary-token-1"
        self.records: dict[str, dict[str, dict[str, Any]]] = {"Organization": {}}
        self.fields: dict[str, dict[str, dict[str, Any]]] = {}
        self.commits: list[tuple[str, str, dict[str, Any]]] = []
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.refuse: Callable[[str, dict[str, Any]], str | None] = lambda _o, _r: None
        self.automation: Automation = lambda _kind, _given: {}
        self.tokens: list[str] = []
        """The tokens that the next log-ins give."""
        self.clock = timedelta(0)
        """How far the clock of the server's Date header is off."""
        self.page = 2000
        self.used, self.allowed = 10, 100_000
        self.tells_usage = True
        self.forbidden: set[str] = set()
        self.not_in_bulk: set[str] = set()
        self.versions = ["63.0", "64.0", "65.0"]
        self.erased: dict[str, dict[str, datetime]] = {}
        """By kind and id, when a record went past the recycle bin."""
        self.locators: dict[str, list[dict[str, Any]]] = {}
        self.jobs: dict[str, tuple[list[str], list[dict[str, Any]]]] = {}
        self.last_id = 0
        self.add("Organization", Name="見本株式会社", IsSandbox=True)

    # Filling it

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def define(self, kind: str, *names: str) -> None:
        """Show fields of an object; standard ones are what they are in a real org."""
        known = self.fields.setdefault(kind, {})
        for name in (*SYSTEM, *names):
            if name in known:
                continue
            ours = name not in SYSTEM
            entry = {"name": name, "type": "string", "filterable": True}
            entry |= {"updateable": ours, "createable": ours}
            entry |= {"externalId": name == KEY, "unique": name == KEY}
            entry |= STANDARD.get(kind, {}).get(name, {})
            if name in LINKS and "referenceTo" not in entry:
                entry |= {
                    "referenceTo": list(LINKS[name]),
                    "relationshipName": name.removesuffix("Id"),
                }
            known[name] = entry

    def define_whole(self, *kinds: str) -> None:
        """Show all standard fields of some objects."""
        for kind in kinds:
            self.define(kind, *STANDARD[kind])

    def add(self, kind: str, **values: Any) -> str:
        self.last_id += 1
        key = f"{PREFIXES.get(kind, 'a00')}{self.last_id:012d}AAA"
        self.define(kind, *values)
        known = self.fields[kind]
        self.records.setdefault(kind, {})[key] = {
            "Id": key,
            "IsDeleted": False,
            "MasterRecordId": None,
            **{n: False for n, e in known.items() if e["type"] == "boolean"},
            **values,
        }
        self._stamp(kind, key)
        return key

    def edit(self, kind: str, key: str, **values: Any) -> None:
        self.define(kind, *values)
        self.records[kind][key].update(values)
        self._stamp(kind, key)

    def delete(self, kind: str, key: str) -> None:
        self.records[kind][key]["IsDeleted"] = True
        self._stamp(kind, key)

    def erase(self, kind: str, key: str) -> None:
        """Delete a record past the recycle bin, as relations of activities go."""
        del self.records[kind][key]
        self.erased.setdefault(kind, {})[key] = self.now

    def merge(self, kind: str, loser: str, master: str, *children: str) -> None:
        """Merge two records; their children's stamps stay as they are."""
        self.edit(kind, loser, MasterRecordId=master)
        self.delete(kind, loser)
        for child in children:
            for row in self.records.get(child, {}).values():
                for name in LINKS:
                    if row.get(name) == loser:
                        row[name] = master

    @contextmanager
    def stall(self, seconds: float) -> Iterator[None]:
        """Let every answer take its time for a while."""

        def wait(_call: Call) -> None:
            time.sleep(seconds)

        self.faults.append(wait)
        yield
        self.faults.remove(wait)

    def hide(self, kind: str, name: str) -> None:
        """Take a field away from us, as field-level security does."""
        del self.fields[kind][name]

    def retype(self, kind: str, name: str, to: str) -> None:
        """Make a field one of another type."""
        self.fields[kind][name]["type"] = to

    def compute(self, kind: str, key: str, **values: Any) -> None:
        """Give formulas of a record other values, which moves no stamp."""
        self.define(kind, *values)
        for name in values:
            self.fields[kind][name] |= {"calculated": True, "updateable": False}
        self.records[kind][key].update(values)

    def _stamp(self, kind: str, key: str) -> None:
        self.records[kind][key]["SystemModstamp"] = stamp(self.now)

    @property
    def usage_header(self) -> str:
        """Return the day's calls, as every reply does; gateways may leave it out."""
        return f"api-usage={self.used}/{self.allowed}" if self.tells_usage else ""

    # Answering

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        if call.length > LONGEST_ADDRESS:
            return Answer(414, "<html>URI Too Long</html>")
        for fault in self.faults:
            broken = fault(call)
            if broken is not None:
                return broken
        if call.path == "/services/oauth2/token":
            return self._log_in()
        if call.headers.get("authorization") != f"Bearer {self.token}":
            return error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        self.used += 1
        return self.route(call)

    def _log_in(self) -> Answer:
        if self.tokens:
            self.token = self.tokens.pop(0)
        return Answer(200, {"access_token": self.token, "token_type": "Bearer"})

    def route(self, call: Call) -> Answer:
        parts = call.path.removeprefix("/services/").split("/")
        match parts:
            case ["oauth2", "userinfo"]:
                return error(404, "NOT_FOUND", "no scope")
            case ["data"]:
                return Answer(200, [_version(number) for number in self.versions])
            case ["data", version, *_] if version.strip("v") not in self.versions:
                return error(404, "NOT_FOUND", "The requested resource does not exist")
            case ["data", _, "sobjects", kind, "describe"]:
                return self._describe(kind)
            case ["data", _, "sobjects", kind, "deleted", ""]:
                return self._deleted(kind, call.query)
            case ["data", _, ("query" | "queryAll") as verb]:
                return self._query(call, everything=verb == "queryAll")
            case ["data", _, ("query" | "queryAll"), locator]:
                return self._locator(locator)
            case ["data", _, "jobs", "query", *rest]:
                return self._job(call, rest)
            case ["data", _, "composite", "sobjects", *rest]:
                return self._collection(call, rest)
            case _:
                return error(404, "NOT_FOUND", "The requested resource does not exist")

    def _describe(self, kind: str) -> Answer:
        if kind in self.forbidden:
            return error(403, "INSUFFICIENT_ACCESS", "no access")
        if kind not in self.fields:
            return error(404, "NOT_FOUND", "The requested resource does not exist")
        return Answer(200, {"name": kind, "fields": list(self.fields[kind].values())})

    # Reading

    def _deleted(self, kind: str, query: dict[str, str]) -> Answer:
        start, end = (datetime.fromisoformat(query[n]) for n in ("start", "end"))
        if end - start < timedelta(minutes=1) or self.now - start > timedelta(days=30):
            return error(400, "INVALID_REPLICATION_DATE", "startDate out of range")
        found = [
            {"id": key, "deletedDate": stamp(at)}
            for key, at in self.erased.get(kind, {}).items()
            if start <= at <= end
        ]
        covered = {"earliestDateAvailable": stamp(self.now - timedelta(days=15))}
        covered["latestDateCovered"] = stamp(end)
        return Answer(200, {"deletedRecords": found, **covered})

    def _query(self, call: Call, *, everything: bool) -> Answer:
        rows = self.selected(call.query["q"], everything=everything)
        return rows if isinstance(rows, Answer) else self._page(rows, len(rows))

    def selected(self, text: str, *, everything: bool) -> Any:
        """Run a query: records, or the error that it is answered with."""
        try:
            query = soql.parse(text)
        except soql.Malformed as malformed:
            return error(400, "MALFORMED_QUERY", str(malformed))
        kind = query.kind
        if kind in self.forbidden:
            return error(403, "INSUFFICIENT_ACCESS", "no access")
        if kind not in self.fields:
            return error(400, "INVALID_TYPE", f"sObject type '{kind}' is not supported")
        for name in (*query.fields, *query.names, *query.order):
            if "." not in name and name not in self.fields[kind]:
                where = "ERROR at Row:1:Column:8"
                message = f"{text}\n^\n{where}\nNo such column '{name}' on entity"
                return error(400, "INVALID_FIELD", message)
        for name in (*query.names, *query.order):
            if "." not in name and not self.fields[kind][name]["filterable"]:
                message = f"field '{name}' can not be filtered in a query call"
                return error(400, "INVALID_FIELD", message)
        dotted = any("." in name for name in (*query.fields, *query.names))
        there = self.records.get(kind, {}).values()
        rows = [
            row
            for row in ([self._related(row) for row in there] if dotted else there)
            if (everything or not (row["IsDeleted"] or row.get("IsArchived")))
            and query.where(row)
        ]
        for name in reversed(query.order):
            rows.sort(key=lambda row, name=name: str(row[name]))  # type: ignore[misc]
        return [soql.shown(kind, row, query.fields) for row in rows[: query.limit]]

    def _related(self, row: dict[str, Any]) -> dict[str, Any]:
        """Show a record with those that it refers to."""
        found = dict(row)
        for name in LINKS.keys() & row.keys():
            for target in LINKS[name]:
                if (other := self.records.get(target, {}).get(row[name])) is not None:
                    found[name.removesuffix("Id")] = self._related(other)
        return found

    def _page(self, rows: list[dict[str, Any]], total: int) -> Answer:
        body = {"totalSize": total, "done": True, "records": rows[: self.page]}
        if len(rows) > self.page:
            locator = f"0r8{len(self.locators):012d}-{self.page}"
            self.locators[locator] = rows[self.page :]
            link = f"/services/data/v64.0/query/{locator}"
            body |= {"done": False, "nextRecordsUrl": link}
        return Answer(200, body)

    def _locator(self, locator: str) -> Answer:
        rows = self.locators.get(locator)
        if rows is None:
            return error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(rows, len(rows))

    def _job(self, call: Call, rest: list[str]) -> Answer:
        if not rest:
            return self._new_job(call.body)
        names, rows = self.jobs.get(rest[0], ([], []))
        if rest[0] not in self.jobs:
            return error(404, "NOT_FOUND", "The requested resource does not exist")
        if len(rest) == 1:
            found = {"id": rest[0], "state": "JobComplete"}
            return Answer(200, found | {"numberRecordsProcessed": len(rows)})
        start, most = int(call.query.get("locator", "0")), int(call.query["maxRecords"])
        piece = rows[start : start + most]
        more = str(start + most) if start + most < len(rows) else "null"
        headers = {
            "Content-Type": "text/csv; charset=utf-8",
            "Sforce-Locator": more,
            "Sforce-NumberOfRecords": str(len(piece)),
        }
        return Answer(200, soql.as_csv(names, piece), headers)

    def _new_job(self, body: Json) -> Answer:
        text = body["query"]
        rows = self.selected(text, everything=body["operation"] == "queryAll")
        if isinstance(rows, Answer):
            return rows
        query = soql.parse(text)
        if query.kind in self.not_in_bulk:
            return error(400, "INVALIDENTITY", "not supported by the Bulk API")
        job = f"750{len(self.jobs):012d}"
        self.jobs[job] = (list(query.fields), rows)
        return Answer(200, {"id": job, "state": "UploadComplete"})

    # Writing

    def _collection(self, call: Call, rest: list[str]) -> Answer:
        if call.method == "POST" and rest:
            rows = self.records.get(rest[0], {})
            asked = [rows.get(key) for key in call.body["ids"]]
            names = call.body["fields"]
            for name in names:
                if name not in self.fields.get(rest[0], {}):
                    message = f"No such column '{name}' on sobject of type {rest[0]}"
                    return error(400, "INVALID_FIELD", message)
            return Answer(
                200,
                [
                    None
                    if row is None or row["IsDeleted"]
                    else {n: row.get(n) for n in names}
                    for row in asked
                ],
            )
        records = call.body["records"]
        if len(records) > 200:
            return error(400, "EXCEEDED_ID_LIMIT", "record limit reached")
        return Answer(200, [self._save(call, record, rest) for record in records])

    def _save(self, call: Call, record: dict[str, Any], rest: list[str]) -> Json:
        kind = record["attributes"]["type"]
        given = {k: v for k, v in record.items() if k not in {"attributes", "id"}}
        code = self._problem(kind, record, given, rest)
        if code:
            told = f"{code} in the org's own words"
            failed = {"statusCode": code, "message": told, "fields": []}
            return {"success": False, "errors": [failed]}
        key = str(record.get("id") or self._upserted(kind, rest, given) or "")
        if key:
            self._own(call, kind, key, given)
            automated = self.automation(kind, {"Id": key, **given})
            self.edit(kind, key, **given | automated)
        else:
            key = self.add(kind, **given | self.automation(kind, given))
        self.commits.append((kind, key, given))
        return {"id": key, "success": True, "errors": []}

    def _upserted(
        self, kind: str, rest: list[str], given: dict[str, Any]
    ) -> str | None:
        """Find the record of an external id, or of a team's pair, which is unique."""
        names = rest[1:2]
        if kind in TEAMS.values():
            names = [next(n for n in given if n in LINKS), "UserId"]
        if not names:
            return None
        return next(
            (
                key
                for key, row in self.records.get(kind, {}).items()
                if not row["IsDeleted"] and all(row.get(n) == given[n] for n in names)
            ),
            None,
        )

    def _problem(
        self,
        kind: str,
        record: dict[str, Any],
        given: dict[str, Any],
        rest: list[str],
    ) -> str | None:
        refused = self.refuse(kind, record)
        if refused:
            return refused
        if any(name not in self.fields.get(kind, {}) for name in (*given, *rest[1:])):
            return "INVALID_FIELD"
        may = "updateable" if "id" in record else "createable"
        if not all(self.fields[kind][name][may] for name in given):
            return "INVALID_FIELD_FOR_INSERT_UPDATE"
        owner = given.get("OwnerId")
        if owner and not self.records["User"].get(owner, {}).get("IsActive"):
            return "INACTIVE_OWNER_OR_USER"
        row = self.records.get(kind, {}).get(record.get("id", ""))
        if "id" in record and row is None:
            return "INVALID_CROSS_REFERENCE_KEY"
        return "ENTITY_IS_DELETED" if row and row["IsDeleted"] else None

    def _own(self, call: Call, kind: str, key: str, given: dict[str, Any]) -> None:
        """Do what an owner change does besides: rules, and teams that are dropped."""
        if "OwnerId" not in given:
            return
        if kind == "Case" and call.headers.get("sforce-auto-assign") != "FALSE":
            given["OwnerId"] = QUEUE
        if self.records[kind][key].get("OwnerId") == given["OwnerId"]:
            return
        for name, member in self.records.get(TEAMS.get(kind, ""), {}).items():
            if member[f"{kind}Id"] == key:
                self.delete(TEAMS[kind], name)


def _version(number: str) -> Json:
    return {"label": "", "url": f"/services/data/v{number}", "version": number}


def error(status: int, code: str, message: str) -> Answer:
    return Answer(status, [{"errorCode": code, "message": message}])


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def later(org: Org, **time: int) -> datetime:
    org.now += timedelta(**time)
    return org.now
