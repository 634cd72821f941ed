"""What a loopback portal does with writes: batches, associations, new properties."""

from collections.abc import Mapping

from tests.worlds.hubspot_data import Holdings, Record
from tests.worlds.hubspot_replies import (
    Answer,
    Call,
    Json,
    error,
    invalid,
    missing_scope,
    mixture,
    not_found,
    stamp,
)

LINKED_BY = {192: "companies", 204: "contacts", 216: "deals"}
ENGAGEMENTS = {"tasks", "calls", "meetings", "notes", "emails"}
BATCH_LIMIT, ASSOCIATION_LIMIT, ASSOCIATE_LIMIT = 100, 1000, 2000


class Writes(Holdings):
    def write(self, call: Call, kind: str, verb: str) -> Answer:
        """Take a batch: one bad input spoils it unless each has a trace id."""
        scope = "contacts" if kind in ENGAGEMENTS else kind
        if {scope, kind} & self.unwritable:
            return missing_scope(f"crm.objects.{scope}.write")
        inputs = call.body["inputs"]
        fault = wrong(inputs, BATCH_LIMIT) or self._unknown(kind, verb, inputs)
        if fault is not None:
            return fault
        traces = [one.get("objectWriteTraceId") for one in inputs]
        errors = [self._problem(kind, verb, one) for one in inputs]
        if any(errors) and (None in traces or len(set(traces)) < len(traces)):
            (first, *_) = filter(None, errors)
            return error(400, first["category"], first["message"])
        results = [
            self._apply(kind, verb, one)
            for one, problem in zip(inputs, errors, strict=True)
            if problem is None
        ]
        shown = [result for result in results if result is not None]
        return mixture(shown[::-1], [problem for problem in errors if problem])

    def define_property(self, call: Call, kind: str) -> Answer:
        if "schemas" in self.unwritable:
            return missing_scope(f"crm.schemas.{kind}.write")
        known = self.properties.setdefault(kind, {})
        if call.body["name"] in known:
            return error(409, "CONFLICT", "A property of this name exists already")
        limits = {"modificationMetadata": {"readOnlyValue": False}}
        known[call.body["name"]] = {**limits, **call.body}
        self.commits.append(("properties", kind, {"name": call.body["name"]}))
        return Answer(201, call.body)

    def associate(self, call: Call, one: str, other: str) -> Answer:
        """Associate pairs, both ways; twice is as good as once."""
        pairs = call.body["inputs"]
        if not 0 < len(pairs) <= ASSOCIATE_LIMIT:
            return error(400, "VALIDATION_ERROR", "1 to 2000 inputs")
        results: list[Json] = []
        errors = []
        for pair in pairs:
            key, other_key = str(pair["from"]["id"]), str(pair["to"]["id"])
            gone = self._gone(one, key) + self._gone(other, other_key)
            if gone:
                context = {"fromObjectId": [key], "toObjectId": [other_key]}
                errors.append(not_found(gone) | {"context": context})
                continue
            self.link(one, key, other, other_key)
            there, back = {"id": key}, {"id": other_key}
            results += [{"from": there, "to": back}, {"from": back, "to": there}]
        return mixture(results, errors)

    def named(self, kind: str, key: str, by: str | None) -> Record | None:
        """Find a record by id, or by a unique property."""
        known = self.records.setdefault(kind, {})
        if by is None:
            return known.get(key)
        return next((r for r in known.values() if r.properties.get(by) == key), None)

    def _gone(self, kind: str, key: str) -> list[str]:
        record = self.records.get(kind, {}).get(key)
        return [key] if record is None or record.archived_at is not None else []

    def _unknown(self, kind: str, verb: str, inputs: list[Json]) -> Answer | None:
        """Refuse a batch that names a property which is not there, or not unique."""
        known = self.properties.get(kind, {})
        for name in sorted({n for one in inputs for n in one["properties"]}):
            if name not in known:
                text = f'Property values were not valid: [{{"name":"{name}"}}]'
                return error(400, "VALIDATION_ERROR", text)
        keys = {one.get("idProperty") for one in inputs}
        if verb == "batch/upsert" and not all(
            known.get(str(name), {}).get("hasUniqueValue") for name in keys
        ):
            return error(400, "VALIDATION_ERROR", f"not a unique property: {keys}")
        return None

    def _problem(self, kind: str, verb: str, one: Json) -> Json | None:
        """Say what is wrong with one input.

        Deactivated owners get through, as nobody knows better.
        """
        trace = one.get("objectWriteTraceId")
        owner = one["properties"].get("hubspot_owner_id")
        if owner and owner not in {str(o["id"]) for o in self.owners}:
            return invalid("INVALID_OWNER_ID", f"owner {owner} is not valid", trace)
        if verb == "batch/update":
            key = str(one["id"])
            gone = [] if key in self.merged else self._gone(kind, key)
            return not_found(gone, trace) if gone else None
        is_new = verb == "batch/create" or not self.named(
            kind, str(one["id"]), one["idProperty"]
        )
        if kind == "tasks" and is_new and not one["properties"].get("hs_timestamp"):
            return invalid("REQUIRED", "hs_timestamp is required", trace)
        return None

    def _apply(self, kind: str, verb: str, one: Json) -> Json | None:
        """Write one input and show what came of it; None is left out of the reply."""
        properties = {k: v or None for k, v in one["properties"].items()}
        properties |= self.automation(kind, {"id": one.get("id"), **properties})
        if verb == "batch/create":
            key = self._create(kind, properties)
            for each in one.get("associations") or []:
                other = LINKED_BY[each["types"][0]["associationTypeId"]]
                self.link(kind, key, other, str(each["to"]["id"]))
            return self._shown_whole(kind, key)
        if str(one["id"]) in self.merged:
            return None  # 200, and the id is simply not there
        record = self.named(kind, str(one["id"]), one.get("idProperty"))
        if record is None:
            key = self._create(kind, properties)
            return self._shown_whole(kind, key) | {"new": True}
        record.properties.update(properties)
        record.updated = self.now
        self.commits.append((kind, record.id, properties))
        if kind == "companies" and self.contacts_follow:
            self._cascade(record)
        told = {"new": False} if verb == "batch/upsert" else {}
        return self._shown_whole(kind, record.id) | told

    def _create(self, kind: str, properties: Mapping[str, str | None]) -> str:
        key = self.add(kind, **properties)
        self.commits.append((kind, key, dict(properties)))
        return key

    def _cascade(self, company: Record) -> None:
        for key, names in company.links.get("contacts", {}).items():
            if "primary" in names:
                owner = company.properties["hubspot_owner_id"]
                self.edit("contacts", key, hubspot_owner_id=owner)

    def _shown_whole(self, kind: str, key: str) -> Json:
        record = self.records[kind][key]
        return {
            "id": record.id,
            "properties": dict(record.properties),
            "createdAt": stamp(record.updated),
            "updatedAt": stamp(record.updated),
            "archived": False,
        }


def wrong(inputs: list[Json], most: int) -> Answer | None:
    """Refuse a batch as a whole."""
    ids = [str(one["id"]) for one in inputs if "id" in one]
    if not 0 < len(inputs) <= most:
        return error(400, "VALIDATION_ERROR", f"1 to {most} inputs")
    doubled = sorted({i for i in ids if ids.count(i) > 1}) if most <= 100 else []
    if doubled:
        text = f"Duplicate IDs found in batch input: {doubled}. IDs must be unique"
        return error(400, "VALIDATION_ERROR", text)
    return None
