"""What goes over the wire to and from HubSpot, in the shapes of its documentation."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Json
    token: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    """Close the connection instead of answering."""
    cut: int | None = None
    """Close it after so many bytes of the body."""
    length: int | None = None
    """The Content-Length to claim."""
    raw: bytes | None = None
    """What goes over the wire instead of the body, packed as ``encoding`` says."""
    encoding: str = ""
    repeat: int = 1
    """How often it goes over the wire, one after the other."""
    pause: float = 0.0
    """Seconds before each time."""


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


def invalid(code: str, message: str, trace: str | None) -> Json:
    context = {"objectWriteTraceId": [trace]} if trace is not None else {}
    return {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": message,
        "errors": [{"code": code, "message": message}],
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


def limited(policy: str, **headers: str) -> Answer:
    body = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": "0",
        "policyName": policy,
        "groupName": "publicapi:private-apps",
    }
    return Answer(429, body, headers)


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def inline_type(kind: str, other: str, name: str) -> str:
    one, two = (each[:-1].replace("ie", "y") for each in (kind, other))
    named = {"primary": f"{one}_to_{two}", "unlabeled": f"{one}_to_{two}_unlabeled"}
    return named.get(name, name)


PRIMARY_TYPES = {"contacts": 1, "deals": 5, "tickets": 26}
PLAIN_TYPES = {"contacts": 279, "deals": 341, "tickets": 339}
"""Association types to the company, where a type may have a primary one."""


def association(kind: str, key: str, names: set[str]) -> Json:
    return {"toObjectId": int(key), "associationTypes": _types(kind, names)}


def _types(kind: str, names: set[str]) -> list[Json]:
    own = {
        "primary": (PRIMARY_TYPES.get(kind, 191), "Primary"),
        "unlabeled": (PLAIN_TYPES.get(kind, 192), None),
    }
    return [
        {"category": "HUBSPOT_DEFINED", "typeId": own[name][0], "label": own[name][1]}
        if name in own
        else {"category": "USER_DEFINED", "typeId": 37, "label": name}
        for name in sorted(names)
    ]
