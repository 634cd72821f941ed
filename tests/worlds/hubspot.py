"""A HubSpot portal on this machine, after HubSpot's own documentation.

It speaks HTTP like the real one: lists with inline associations, a search that lags
and ends at 10,000 results, batches that answer 207 or leave ids out, associations v4,
owners, pipelines, properties and limits. ``faults`` break it on purpose; ``commits``
records every write that took effect and is the judge of all promises.
"""

import itertools
import json
import time
from collections import deque
from datetime import UTC, datetime

from tests.worlds.hubspot_data import Record
from tests.worlds.hubspot_replies import (
    Answer,
    Call,
    Json,
    association,
    error,
    inline_type,
    limited,
    missing_scope,
    mixture,
    not_found,
    page,
    stamp,
)
from tests.worlds.hubspot_writes import ASSOCIATION_LIMIT, BATCH_LIMIT, Writes, wrong


class Portal(Writes):
    def answer(self, call: Call) -> Answer:
        time.sleep(self.delay)
        with self._lock:
            self.calls.append(call)
            for fault in self.faults:
                broken = fault(call)
                if broken is not None:
                    return broken
            return self.take(call)

    def take(self, call: Call) -> Answer:
        """Answer as if nothing were wrong."""
        if call.token != self.token:
            return error(401, "INVALID_AUTHENTICATION", f"no token {call.token}")
        refused = self._limit(call)
        if refused is not None:
            self.rejections += 1
            return refused
        answer = self._route(call)
        if not call.path.endswith("/search"):
            self._show_limits(answer)
        return answer

    def _show_limits(self, answer: Answer) -> None:
        left = {"Max": self.rate, "Remaining": self.rate - len(self._window)}
        if self.daily_left is not None:
            self.daily_left -= 1
            left |= {"Daily": 1000, "Daily-Remaining": self.daily_left}
        left["Interval-Milliseconds"] = 10_000
        for name, number in left.items():
            answer.headers[f"X-HubSpot-RateLimit-{name}"] = str(number)

    def _limit(self, call: Call) -> Answer | None:
        searching = call.path.endswith("/search")
        now = self.clock()
        if searching and _full(self._searches, now, 1.0, self.search_rate):
            return limited("SECONDLY")
        if _full(self._window, now, 10.0, self.rate):
            return limited("TEN_SECONDLY_ROLLING")
        return None

    def _route(self, call: Call) -> Answer:
        match call.path.strip("/").split("/"):
            case ["account-info", "v3", "details"]:
                return Answer(
                    200,
                    {
                        "portalId": 4242,
                        "accountType": self.account_type,
                        "timeZone": "Asia/Tokyo",
                        **self.account,
                    },
                )
            case ["crm", "v3", "owners"]:
                return self._list_owners(call)
            case ["crm", "v3", "pipelines", kind]:
                if f"pipelines/{kind}" in self.forbidden:
                    return missing_scope(f"crm.pipelines.{kind}.read")
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
        if "owners" in self.forbidden:
            return missing_scope("crm.objects.owners.read")
        flag = call.query.get("archived", "false") == "true"
        chosen = [o for o in self.owners if bool(o.get("archived")) is flag]
        return page(chosen, call, 500)

    def _property(self, call: Call, kind: str, name: list[str]) -> Answer:
        known = self.properties.setdefault(kind, {})
        if call.method == "POST":
            return self.define_property(call, kind)
        if kind not in self.records and not known:
            return error(
                400, "VALIDATION_ERROR", f"Unable to infer object type: {kind}"
            )
        return Answer(200, {"results": list(known.values())})

    # Objects

    def _objects(self, call: Call, kind: str, verb: str) -> Answer:
        if kind in self.forbidden:
            return missing_scope(f"crm.objects.{kind}.read")
        if call.method != "GET" and verb not in {"search", "batch/read"}:
            return self.write(call, kind, verb)
        if verb == "search":
            return self._search(call, kind)
        if verb == "batch/read":
            return self._batch_read(call, kind)
        if len(call.query.get("properties", "")) > self.url_limit:
            return Answer(self.too_long, "<html>Request-URI Too Large</html>")
        archived = call.query.get("archived") == "true"
        limit = min(int(call.query.get("limit", "10")), self.page_limit)
        after = int(call.query.get("after") or 0)
        names = call.query.get("properties", "").split(",")
        inline = [n for n in call.query.get("associations", "").split(",") if n]
        rest = (
            r
            for r in self.from_id(kind, after)
            if (r.archived_at is not None) is archived
        )
        chosen = list(itertools.islice(rest, limit + 1))
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
            near = record.links.get(other, {})
            entries = [
                {"id": key, "type": inline_type(kind, other, name)}
                for key, kinds in near.items()
                for name in sorted(kinds)
            ]
            if entries:
                found: Json = {"results": entries[:100]}
                if len(entries) > 100:
                    found["paging"] = {"next": {"after": entries[100]["id"]}}
                name = other.replace("_", " ")
                shown.setdefault("associations", {})[name] = found
        return shown

    def _search(self, call: Call, kind: str) -> Answer:
        body = call.body
        if len(json.dumps(body)) > 3000:
            return error(400, "VALIDATION_ERROR", "body too long")
        found = self._matching(kind, body)
        for order in body.get("sorts") or []:
            found.sort(
                key=lambda record: _rank(record, order["propertyName"]),
                reverse=order["direction"] == "DESCENDING",
            )
        start, limit = int(body.get("after") or 0), int(body.get("limit") or 10)
        if start + limit > 10_000 or limit > 200:
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

    def _matching(self, kind: str, body: Json) -> list[Record]:
        """Find what the index knows; the wrong cursor property finds nothing."""
        filters = [f for g in body.get("filterGroups", []) for f in g["filters"]]
        changed = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
        since = datetime.min.replace(tzinfo=UTC)
        above = -1
        for one in filters:
            if one["propertyName"] == changed and one["operator"] == "GTE":
                since = datetime.fromtimestamp(int(one["value"]) / 1000, UTC)
            elif one["propertyName"] == "hs_object_id" and one["operator"] == "GT":
                above = int(one["value"])
            else:
                return []
        edge = self.now - self.search_lag
        return [
            record
            for record in self.from_id(kind, above + 1)
            if record.archived_at is None and since <= record.updated <= edge
        ]

    def _batch_read(self, call: Call, kind: str) -> Answer:
        inputs = call.body["inputs"]
        fault = wrong(inputs, BATCH_LIMIT)
        if fault is not None:
            return fault
        by = call.body.get("idProperty")
        found, missing = [], []
        for one in inputs:
            record = self.named(kind, str(one["id"]), by)
            if record is not None and record.archived_at is None:
                names = call.body.get("properties") or []
                found.append(self._shown(kind, record, names, []))
            elif str(one["id"]) not in self.merged:
                missing.append(one["id"])
        return mixture(found, [not_found(missing)] if missing else [])

    # Associations

    def _associations(self, call: Call, one: str, other: str, verb: str) -> Answer:
        if verb == "labels":
            return Answer(200, {"results": self.labels.get((one, other), [])})
        if verb == "batch/associate/default":
            return self.associate(call, one, other)
        fault = wrong(call.body["inputs"], ASSOCIATION_LIMIT)
        if fault is not None:
            return fault
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
                "to": [association(one, *each) for each in piece],
            }
            if start + 500 < len(near):
                result["paging"] = {"next": {"after": str(start + 500)}}
            results.append(result)
        return mixture(results, errors)


def _rank(record: Record, name: str) -> float:
    """Return what a search sorts a record by: its id, or its last change."""
    return int(record.id) if name == "hs_object_id" else record.updated.timestamp()


def _full(window: deque[float], now: float, seconds: float, most: int) -> bool:
    """Count a call into a sliding window; tell if it is one too many."""
    while window and now - window[0] >= seconds:
        window.popleft()
    if len(window) >= most:
        return True
    window.append(now)
    return False
