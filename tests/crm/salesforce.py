"""A Salesforce org on this machine, after Salesforce's own documentation.

It speaks HTTP like the real one: describe, SOQL by ``query`` and ``queryAll`` with
locators, Bulk 2.0 queries, sObject Collections with results by position, assignment
rules that run unless they are told not to, account teams that an owner change drops,
and limits. ``faults`` break it on purpose; ``commits`` is the judge of all promises.
"""

import csv
import io
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.crm.serving import serving

Json = Any
Fault = Callable[["Call"], "Answer | None"]
PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "Task": "00T",
    "Event": "00U",
    "Case": "500",
    "AccountTeamMember": "01M",
    "Organization": "00D",
}
SYSTEM = ("Id", "SystemModstamp", "IsDeleted", "MasterRecordId")
CONDITION = re.compile(r"(\w+) (>=|<|=|IN) (\([^)]*\)|'[^']*'|\S+)")


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Json
    headers: dict[str, str]


@dataclass
class Answer:
    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


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
        self.tokens: list[str] = []
        self.page = 2000
        self.used, self.allowed = 10, 100_000
        self.forbidden: set[str] = set()
        self.not_in_bulk: set[str] = set()
        self.locators: dict[str, list[dict[str, Any]]] = {}
        self.jobs: dict[str, list[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._lock = threading.RLock()
        self.add("Organization", Name="見本株式会社", IsSandbox=True)

    # Filling it

    def define(self, kind: str, *names: str) -> None:
        known = self.fields.setdefault(kind, {})
        for name in (*SYSTEM, *names):
            updateable = name not in SYSTEM
            known[name] = {"name": name, "type": "string", "updateable": updateable}

    def add(self, kind: str, **values: Any) -> str:
        key = f"{PREFIXES.get(kind, 'a00')}{next(self._ids):012d}AAA"
        self.define(kind, *values)
        self.records.setdefault(kind, {})[key] = {
            "Id": key,
            "IsDeleted": False,
            "MasterRecordId": None,
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

    def _stamp(self, kind: str, key: str) -> None:
        self.records[kind][key]["SystemModstamp"] = stamp(self.now)

    # Answering

    def answer(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            for fault in self.faults:
                broken = fault(call)
                if broken is not None:
                    return broken
            if call.path == "/services/oauth2/token":
                return self._log_in()
            if call.headers.get("authorization") != f"Bearer {self.token}":
                return error(401, "INVALID_SESSION_ID", "Session expired or invalid")
            self.used += 1
            return self._route(call)

    def _log_in(self) -> Answer:
        if self.tokens:
            self.token = self.tokens.pop(0)
        return Answer(200, {"access_token": self.token, "token_type": "Bearer"})

    def _route(self, call: Call) -> Answer:
        parts = call.path.removeprefix("/services/").split("/")
        match parts:
            case ["oauth2", "userinfo"]:
                return error(404, "NOT_FOUND", "no scope")
            case ["data", _, "sobjects", kind, "describe"]:
                return self._describe(kind)
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

    def _query(self, call: Call, *, everything: bool) -> Answer:
        rows = self._selected(call.query["q"], everything=everything)
        return rows if isinstance(rows, Answer) else self._page(rows, len(rows))

    def _selected(self, text: str, *, everything: bool) -> Any:
        found = re.fullmatch(
            r"SELECT (?P<fields>.+?) FROM (?P<kind>\w+)"
            r"(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>.+))?",
            text,
        )
        if found is None:
            return error(400, "MALFORMED_QUERY", "unexpected token")
        kind, names = found["kind"], re.split(r",\s*", found["fields"])
        if kind in self.forbidden:
            return error(403, "INSUFFICIENT_ACCESS", "no access")
        if kind not in self.records:
            return error(400, "INVALID_TYPE", f"sObject type '{kind}' is not supported")
        for name in names:
            if "." not in name and name not in self.fields[kind]:
                return error(400, "INVALID_FIELD", f"No such column '{name}'")
        rows = [
            row
            for row in self.records[kind].values()
            if (everything or not row["IsDeleted"])
            and (everything or not row.get("IsArchived"))
            and all(holds(row, *c) for c in CONDITION.findall(found["where"] or ""))
        ]
        if found["order"]:
            rows.sort(key=lambda row: (row["SystemModstamp"], row["Id"]))
        return [
            {"attributes": {"type": kind}, **{n: value(row, n) for n in names}}
            for row in rows
        ]

    def _page(self, rows: list[dict[str, Any]], total: int) -> Answer:
        body = {"totalSize": total, "done": True, "records": rows[: self.page]}
        if len(rows) > self.page:
            locator = f"01g{next(self._ids):012d}-{self.page}"
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
            rows = self._selected(call.body["query"], everything=True)
            kind = call.body["query"].split(" FROM ")[1].split()[0]
            if kind in self.not_in_bulk:
                return error(400, "INVALIDENTITY", "not supported by the Bulk API")
            job = f"750{next(self._ids):012d}"
            self.jobs[job] = rows
            return Answer(200, {"id": job, "state": "UploadComplete"})
        if len(rest) == 1:
            return Answer(200, {"id": rest[0], "state": "JobComplete"})
        rows = self.jobs[rest[0]]
        start, most = int(call.query.get("locator", "0")), int(call.query["maxRecords"])
        piece = rows[start : start + most]
        buffer = io.StringIO()
        names = [n for n in rows[0] if n != "attributes"]
        writer = csv.DictWriter(buffer, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(piece)
        more = str(start + most) if start + most < len(rows) else "null"
        return Answer(
            200,
            buffer.getvalue(),
            {"Content-Type": "text/csv; charset=utf-8", "Sforce-Locator": more},
        )

    # Writing

    def _collection(self, call: Call, rest: list[str]) -> Answer:
        if call.method == "POST" and rest:
            rows = self.records.get(rest[0], {})
            asked = [rows.get(key) for key in call.body["ids"]]
            names = call.body["fields"]
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
        code = self._problem(kind, record, given)
        if code:
            return {
                "success": False,
                "errors": [{"statusCode": code, "message": code, "fields": []}],
            }
        if call.method == "PATCH" and not rest:
            key = record["id"]
            self._own(call, kind, key, given)
            self.edit(kind, key, **given)
        else:
            key = self._upserted(kind, rest, given) or self.add(kind, **given)
            self.edit(kind, key, **given)
        self.commits.append((kind, key, given))
        return {"id": key, "success": True, "errors": []}

    def _upserted(
        self, kind: str, rest: list[str], given: dict[str, Any]
    ) -> str | None:
        if len(rest) < 2:
            return None
        name = rest[1]
        return next(
            (
                key
                for key, row in self.records.get(kind, {}).items()
                if row.get(name) == given[name]
            ),
            None,
        )

    def _problem(
        self, kind: str, record: dict[str, Any], given: dict[str, Any]
    ) -> str | None:
        refused = self.refuse(kind, record)
        if refused:
            return refused
        owner = given.get("OwnerId")
        if owner and not self.records["User"].get(owner, {}).get("IsActive"):
            return "INACTIVE_OWNER_OR_USER"
        if "id" in record and record["id"] not in self.records.get(kind, {}):
            return "INVALID_CROSS_REFERENCE_KEY"
        return None

    def _own(self, call: Call, kind: str, key: str, given: dict[str, Any]) -> None:
        """Do what an owner change does besides: rules, and teams that are dropped."""
        if "OwnerId" not in given:
            return
        if kind == "Case" and call.headers.get("sforce-auto-assign") != "FALSE":
            given["OwnerId"] = "00G000000000001AAA"
        if kind == "Account":
            for member in self.records.get("AccountTeamMember", {}).values():
                if member["AccountId"] == key:
                    member["IsDeleted"] = True


def holds(row: dict[str, Any], name: str, operator: str, text: str) -> bool:
    mine = value(row, name)
    if operator == "IN":
        return mine in re.findall(r"'([^']*)'", text)
    if text in {"true", "false"}:
        return bool(mine) is (text == "true")
    wanted = text.strip("'")
    if name == "SystemModstamp":
        at = datetime.fromisoformat(wanted)
        seen = datetime.fromisoformat(str(mine))
        return seen >= at if operator == ">=" else seen < at
    return str(mine) == wanted


def value(row: dict[str, Any], name: str) -> Any:
    found: Any = row
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def error(status: int, code: str, message: str) -> Answer:
    return Answer(status, [{"errorCode": code, "message": message}])


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def later(org: Org, **time: int) -> datetime:
    org.now += timedelta(**time)
    return org.now


@contextmanager
def serve(org: Org) -> Iterator[str]:
    """Serve an org on a free port of this machine; give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = "form" in (self.headers.get("Content-Type") or "")
            self._answer(
                {k: v[0] for k, v in parse_qs(raw.decode()).items()}
                if form
                else json.loads(raw)
            )

        def do_PATCH(self) -> None:
            self.do_POST()

        def _answer(self, body: Json) -> None:
            url = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            headers = {k.lower(): v for k, v in self.headers.items()}
            answer = org.answer(Call(self.command, url.path, query, body, headers))
            if answer.drop:
                self.close_connection = True
                return
            raw = (
                answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            ).encode()
            self.send_response_only(answer.status)
            self.send_header("Date", format_datetime(org.now, usegmt=True))
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Sforce-Limit-Info", f"api-usage={org.used}/{org.allowed}")
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(raw)

    with serving(Handler) as address:
        yield address
