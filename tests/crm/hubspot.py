"""A HubSpot portal on this machine, after HubSpot's own documentation.

It speaks HTTP like the real one: lists with inline associations, a search that lags
and ends at 10,000 results, batches that answer 207 or leave ids out, associations v4,
owners, pipelines, properties and limits. ``faults`` break it on purpose; ``commits``
records every write that took effect and is the judge of all promises.
"""

import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.crm.serving import serving

Json = dict[str, Any]
Fault = Callable[["Call"], "Answer | None"]

PRIMARY = {
    ("contacts", "companies"): "1",
    ("deals", "companies"): "5",
    ("tickets", "companies"): "26",
}


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Json
    token: str


@dataclass
class Answer:
    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    """Close the connection instead of answering."""


@dataclass
class Record:
    id: str
    properties: dict[str, str | None]
    updated: datetime
    archived_at: datetime | None = None
    links: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """Other type → id → names of association types or labels."""


class Portal:
    def __init__(self) -> None:
        self.now = datetime(2027, 3, 1, 0, 0, tzinfo=UTC)
        self.token = "pat-canary-5f1c"
        self.records: dict[str, dict[str, Record]] = {}
        self.properties: dict[str, dict[str, Json]] = {}
        self.owners: list[Json] = []
        self.pipelines: dict[str, list[Json]] = {}
        self.labels: dict[tuple[str, str], list[Json]] = {}
        self.commits: list[tuple[str, str, dict[str, str | None]]] = []
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.search_lag = timedelta(0)
        self.forbidden: set[str] = set()
        self.unwritable: set[str] = set()
        self.page_limit = 100
        self.window: deque[float] = deque()
        self.rate = 10_000
        self.rejections = 0
        self.merged: dict[str, str] = {}
        self.account_type = "STANDARD"
        self._ids = itertools.count(1000)
        self._lock = threading.RLock()

    # Filling it

    def define(self, kind: str, *names: str, unique: tuple[str, ...] = ()) -> None:
        known = self.properties.setdefault(kind, {})
        for name in names:
            known[name] = {
                "name": name,
                "type": "string",
                "hasUniqueValue": name in unique,
                "modificationMetadata": {"readOnlyValue": False},
            }

    def add(self, kind: str, **properties: str | None) -> str:
        key = str(next(self._ids))
        self.define(kind, *properties)
        self.records.setdefault(kind, {})[key] = Record(
            id=key, properties=dict(properties), updated=self.now
        )
        return key

    def link(self, one: str, key: str, other: str, other_key: str, *names: str) -> None:
        names = names or ("unlabeled", "primary")
        for a, x, b, y in ((one, key, other, other_key), (other, other_key, one, key)):
            near = self.records[a][x].links.setdefault(b, {})
            near.setdefault(y, set()).update(names)

    def edit(self, kind: str, key: str, **properties: str | None) -> None:
        record = self.records[kind][key]
        record.properties.update(properties)
        record.updated = self.now

    def archive(self, kind: str, key: str) -> None:
        self.records[kind][key].archived_at = self.now

    # Answering

    def answer(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            for fault in self.faults:
                broken = fault(call)
                if broken is not None:
                    return broken
            if call.token != self.token:
                return error(401, "INVALID_AUTHENTICATION", "Authentication invalid")
            limited = self._limit(call)
            if limited is not None:
                return limited
            return self._route(call)

    def _limit(self, call: Call) -> Answer | None:
        now = time.monotonic()
        while self.window and now - self.window[0] >= 10.0:
            self.window.popleft()
        if len(self.window) < self.rate:
            self.window.append(now)
            return None
        self.rejections += 1
        return Answer(
            429,
            {
                "status": "error",
                "message": "You have reached your ten_secondly_rolling limit.",
                "errorType": "RATE_LIMIT",
                "policyName": "TEN_SECONDLY_ROLLING",
            },
        )

    def _route(self, call: Call) -> Answer:
        parts = call.path.strip("/").split("/")
        match parts:
            case ["account-info", "v3", "details"]:
                return Answer(
                    200,
                    {
                        "portalId": 4242,
                        "accountType": self.account_type,
                        "uiDomain": "app.hubspot.com",
                        "timeZone": "Asia/Tokyo",
                    },
                )
            case ["crm", "v3", "owners"]:
                return self._list_owners(call)
            case ["crm", "v3", "pipelines", kind]:
                return Answer(200, {"results": self.pipelines.get(kind, [])})
            case ["crm", "v3", "properties", kind, *name]:
                return self._property(call, kind, name)
            case ["crm", "v4", "associations", one, other, *verb]:
                return self._associations(call, one, other, "/".join(verb))
            case ["crm", "v3", "objects", kind, *verb]:
                return self._objects(call, kind, "/".join(verb))
            case _:
                return error(404, "NOT_FOUND", "resource not found")

    def _list_owners(self, call: Call) -> Answer:
        flag = call.query.get("archived", "false") == "true"
        chosen = [o for o in self.owners if bool(o.get("archived")) is flag]
        return page(chosen, call, self.page_limit)

    def _property(self, call: Call, kind: str, name: list[str]) -> Answer:
        known = self.properties.setdefault(kind, {})
        if call.method == "POST":
            if "schemas" in self.unwritable:
                return missing_scope("crm.schemas.tasks.write")
            known[call.body["name"]] = {
                "modificationMetadata": {"readOnlyValue": False},
                **call.body,
            }
            return Answer(201, call.body)
        if kind not in self.records and not known:
            return error(404, "OBJECT_NOT_FOUND", f"no type {kind}")
        if kind in self.forbidden:
            return missing_scope(f"crm.objects.{kind}.read")
        if name:
            found = known.get(name[0])
            if found is None:
                return error(404, "OBJECT_NOT_FOUND", "property not found")
            return Answer(200, found)
        return Answer(200, {"results": list(known.values())})

    # Objects

    def _objects(self, call: Call, kind: str, verb: str) -> Answer:
        if kind in self.forbidden:
            return missing_scope(f"crm.objects.{kind}.read")
        if call.method != "GET" and verb not in {"search", "batch/read"}:
            if kind in self.unwritable:
                return missing_scope(f"crm.objects.{kind}.write")
            return self._write(call, kind, verb)
        if verb == "search":
            return self._search(call, kind)
        if verb == "batch/read":
            return self._batch_read(call, kind)
        if len(call.query.get("properties", "")) > 8000:
            return Answer(414, "<html>Request-URI Too Large</html>")
        archived = call.query.get("archived") == "true"
        chosen = [
            r
            for r in sorted(
                self.records.get(kind, {}).values(), key=lambda r: int(r.id)
            )
            if (r.archived_at is not None) is archived
        ]
        names = call.query.get("properties", "").split(",")
        inline = [n for n in call.query.get("associations", "").split(",") if n]
        shown = [self._shown(kind, r, names, inline) for r in chosen]
        return page(shown, call, self.page_limit)

    def _shown(
        self, kind: str, record: Record, names: list[str], inline: list[str]
    ) -> Json:
        known = self.properties.get(kind, {})
        shown: Json = {
            "id": record.id,
            "properties": {n: record.properties.get(n) for n in names if n in known},
            "createdAt": stamp(record.updated),
            "updatedAt": stamp(record.updated),
            "archived": record.archived_at is not None,
        }
        if record.archived_at:
            shown["archivedAt"] = stamp(record.archived_at)
        for other in inline:
            near = record.links.get(other.replace(" ", "_"), {})
            entries = [
                {"id": key, "type": inline_type(kind, other, name)}
                for key, kinds in near.items()
                for name in sorted(kinds & {"primary", "unlabeled"})
            ]
            if entries:
                shown.setdefault("associations", {})[other] = {"results": entries}
        return shown

    def _search(self, call: Call, kind: str) -> Answer:
        body = call.body
        if len(json.dumps(body)) > 3000:
            return error(400, "VALIDATION_ERROR", "body too long")
        filters = [f for g in body.get("filterGroups", []) for f in g["filters"]]
        edge = self.now - self.search_lag
        found = [
            r
            for r in sorted(
                self.records.get(kind, {}).values(), key=lambda r: int(r.id)
            )
            if r.archived_at is None
            and r.updated <= edge
            and all(matches(r, kind, f) for f in filters)
        ]
        start, limit = int(body.get("after") or 0), int(body.get("limit") or 10)
        if start + limit > 10_000:
            return error(400, "VALIDATION_ERROR", "paging beyond 10,000")
        names = body.get("properties") or []
        piece = found[start : start + limit]
        answer: Json = {
            "total": len(found),
            "results": [self._shown(kind, r, names, []) for r in piece],
        }
        if start + limit < len(found):
            answer["paging"] = {"next": {"after": str(start + limit)}}
        return Answer(200, answer)

    def _batch_read(self, call: Call, kind: str) -> Answer:
        inputs = call.body["inputs"]
        if len(inputs) > 100:
            return error(400, "VALIDATION_ERROR", "too many inputs")
        by = call.body.get("idProperty")
        found, missing = [], []
        for one in inputs:
            record = self._find(kind, str(one["id"]), by)
            if record is None or record.archived_at:
                missing.append(one["id"])
            else:
                found.append(
                    self._shown(kind, record, call.body.get("properties") or [], [])
                )
        return mixture(found, [not_found(missing)] if missing else [])

    def _find(self, kind: str, key: str, by: str | None) -> Record | None:
        known = self.records.setdefault(kind, {})
        if by is None:
            return known.get(key)
        return next((r for r in known.values() if r.properties.get(by) == key), None)

    # Writing

    def _write(self, call: Call, kind: str, verb: str) -> Answer:
        inputs = call.body["inputs"]
        if len(inputs) > 100:
            return error(400, "VALIDATION_ERROR", "too many inputs")
        ids = [str(one["id"]) for one in inputs if "id" in one]
        doubled = {i for i in ids if ids.count(i) > 1}
        if doubled:
            text = f"Duplicate IDs found in batch input: [{', '.join(doubled)}]."
            return error(400, "VALIDATION_ERROR", text)
        results, errors = [], []
        for one in inputs:
            problem = self._invalid(one)
            if problem is not None:
                if "objectWriteTraceId" not in one:
                    return error(400, "VALIDATION_ERROR", problem["message"])
                errors.append(problem)
                continue
            record = self._apply(kind, verb, one, errors)
            if record is not None:
                names = list(record.properties)
                results.append(self._shown(kind, record, names, []))
        return mixture(results, errors)

    def _invalid(self, one: Json) -> Json | None:
        owner = one["properties"].get("hubspot_owner_id")
        known = {str(o["id"]) for o in self.owners if not o.get("archived")}
        if not owner or owner in known:
            return None
        return {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "code": "INVALID_OWNER_ID",
            "message": f"owner {owner} is not valid",
            "context": {"objectWriteTraceId": [one.get("objectWriteTraceId")]},
        }

    def _apply(
        self, kind: str, verb: str, one: Json, errors: list[Json]
    ) -> Record | None:
        properties = {k: v or None for k, v in one["properties"].items()}
        if verb == "batch/create":
            return self._create(kind, properties, one.get("associations") or [])
        record = self._find(kind, str(one["id"]), one.get("idProperty"))
        if record is None and verb == "batch/upsert":
            return self._create(kind, properties, [])
        if record is None:
            trace = one.get("objectWriteTraceId")
            errors.append(not_found([one["id"]], trace))
            return None
        if str(one["id"]) in self.merged:
            return None  # 200, and the id is simply not there
        record.properties.update(properties)
        record.updated = self.now
        self.commits.append((kind, record.id, properties))
        return record

    def _create(
        self, kind: str, properties: dict[str, str | None], associations: list[Json]
    ) -> Record:
        key = self.add(kind, **properties)
        self.commits.append((kind, key, properties))
        for one in associations:
            number = one["types"][0]["associationTypeId"]
            other = {192: "companies", 204: "contacts", 216: "deals"}[number]
            self.link(kind, key, other, str(one["to"]["id"]))
        return self.records[kind][key]

    # Associations

    def _associations(self, call: Call, one: str, other: str, verb: str) -> Answer:
        if verb == "labels":
            return Answer(200, {"results": self.labels.get((one, other), [])})
        if verb == "batch/associate/default":
            for pair in call.body["inputs"]:
                self.link(one, str(pair["from"]["id"]), other, str(pair["to"]["id"]))
            return Answer(200, {"results": []})
        results, errors = [], []
        for entry in call.body["inputs"]:
            key = str(entry["id"])
            record = self.records.get(one, {}).get(key)
            near = record.links.get(other, {}) if record else {}
            if not near:
                errors.append(
                    {
                        "status": "error",
                        "category": "OBJECT_NOT_FOUND",
                        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                        "context": {"fromObjectId": [key]},
                    }
                )
                continue
            start = int(entry.get("after") or 0)
            piece = list(near.items())[start : start + 500]
            result: Json = {
                "from": {"id": key},
                "to": [association(other_key, names) for other_key, names in piece],
            }
            if start + 500 < len(near):
                result["paging"] = {"next": {"after": str(start + 500)}}
            results.append(result)
        return mixture(results, errors)


def inline_type(kind: str, other: str, name: str) -> str:
    singular = {"companies": "company", "line items": "line_item"}
    plain = f"{singular.get(kind, kind[:-1])}_to_{singular.get(other, other[:-1])}"
    return plain if name == "primary" else f"{plain}_unlabeled"


def association(key: str, names: set[str]) -> Json:
    return {
        "toObjectId": int(key),
        "associationTypes": [
            {
                "category": "HUBSPOT_DEFINED",
                "typeId": 1,
                "label": {"primary": "Primary", "unlabeled": None}.get(name, name),
            }
            for name in sorted(names)
        ],
    }


def matches(record: Record, kind: str, one: Json) -> bool:
    changed = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
    name, value = one["propertyName"], int(one["value"])
    if name == changed:
        return int(record.updated.timestamp() * 1000) >= value
    if name == "hs_object_id":
        return int(record.id) > value
    return False  # the wrong cursor property silently finds nothing


def page(items: list[Json], call: Call, most: int) -> Answer:
    limit = min(int(call.query.get("limit", "10")), most)
    after = int(call.query.get("after") or 0)
    rest = [i for i in items if int(i["id"]) >= after]
    answer: Json = {"results": rest[:limit]}
    if len(rest) > limit:
        answer["paging"] = {
            "next": {"after": rest[limit]["id"], "link": "https://x.example/"}
        }
    return Answer(200, answer)


def mixture(results: list[Json], errors: list[Json]) -> Answer:
    body: Json = {"status": "COMPLETE", "results": results}
    if errors:
        body |= {"errors": errors, "numErrors": len(errors)}
    return Answer(207 if errors else 200, body)


def not_found(ids: list[str], trace: str | None = None) -> Json:
    context: Json = {"ids": [str(i) for i in ids]}
    if trace is not None:
        context["objectWriteTraceId"] = [trace]
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some objects",
        "context": context,
    }


def error(status: int, category: str, message: str) -> Answer:
    return Answer(
        status,
        {
            "status": "error",
            "message": message,
            "category": category,
            "correlationId": "0",
        },
    )


def missing_scope(scope: str) -> Answer:
    answer = error(403, "MISSING_SCOPES", "This app lacks a scope")
    assert isinstance(answer.body, dict)
    answer.body["errors"] = [{"context": {"requiredGranularScopes": [scope]}}]
    return answer


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def serve(portal: Portal) -> Iterator[str]:
    """Serve a portal on a free port of this machine; give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type") or ""
            if "json" in kind:
                self._answer(json.loads(raw or b"{}"))
            else:
                self._answer({k: v[0] for k, v in parse_qs(raw.decode()).items()})

        def _answer(self, body: Json) -> None:
            url = urlsplit(self.path)
            query = {k: ",".join(v) for k, v in parse_qs(url.query).items()}
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            answer = portal.answer(Call(self.command, url.path, query, body, token))
            if answer.drop:
                self.close_connection = True
                return
            raw = (
                answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            ).encode()
            self.send_response_only(answer.status)
            self.send_header("Date", format_datetime(portal.now, usegmt=True))
            self.send_header("Content-Length", str(len(raw)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

    with serving(Handler) as address:
        yield address
