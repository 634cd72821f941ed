"""The company's definition of the minimum to hand over, and of the rules.

``policy.toml`` beside this module is complete; a company's own file overlays it, table
by table and item by item. What is not declared here is a mistake, with its line.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from handover.errors import BadPolicy
from handover.i18n import Phrase, Words
from handover.mistakes import (
    check_days,
    check_hours,
    check_minutes,
    no_toml,
    unknown_key,
    unreadable,
    wrong_value,
)
from mappings.schema import EXTRA
from mappings.text import norm
from mappings.toml_file import line_of

BUILT_IN = Path(__file__).with_name("policy.toml")
OWN_COLUMN = f"accounts.{EXTRA}"
"""How the columns begin that a company's own items audit."""

Group = Literal[
    "contacts", "organisation", "purchases", "opportunities", "interactions"
]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The five kinds of information; they may be extended, none may be removed."""

Level = Literal["must", "should"]
Days = Annotated[int, Field(ge=0)]
Minutes = Annotated[int, Field(ge=0)]
VisitMinutes = Annotated[int, Field(ge=10)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Weight = Annotated[float, Field(gt=0)]


def _as_compared(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(norm, words))))


WordList = Annotated[tuple[str, ...], AfterValidator(_as_compared)]
"""Words in the form in which ``_norm`` columns hold texts."""


class PolicySection(BaseModel):
    """A table of the policy; exactly the declared keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AuditRules(PolicySection):
    """``[audit]``: how old things may be. ``large_purchase`` 0 is off."""

    recent_days_key: Days
    recent_days: Days
    new_account_days: Days
    channel_days: Days
    reason_days: Days
    large_purchase: Amount
    next_step_days: Days
    requests_days: Days
    stale_is_ready: bool
    deciding: WordList


class PlaceholderWords(PolicySection):
    """``[placeholders]``: texts that say nothing, and those that do all the same."""

    words: WordList
    nobody: WordList
    accepted: WordList


class Weights(PolicySection):
    """``[weights]`` of the levels inside a group, and of the groups in the score."""

    must: Weight
    should: Weight
    contacts: Weight
    organisation: Weight
    purchases: Weight
    opportunities: Weight
    interactions: Weight


class Classes(PolicySection):
    """``[classes]``: how a customer class is proposed where the CRM has none."""

    key_share: Share
    priority_share: Share
    priority_won_at_most: Share


class Item(PolicySection):
    """One piece of the minimum. ``columns`` are those that can hold it."""

    code: Annotated[str, Field(min_length=1)]
    group: Group
    level: Level = "should"
    takes: Literal["each", "best"] = "best"
    if_none: Literal["missing", "not_applicable"] = "missing"
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    enabled: bool = True
    name: str = ""
    """What a company calls its own item; ours are named by the catalogue."""

    @property
    def is_own(self) -> bool:
        """Return whether it audits the company's own columns instead of a rule."""
        return all(column.startswith(OWN_COLUMN) for column in self.columns)


class PlanRules(PolicySection):
    """``[plan]``: who is met and what fits into a day. ``large_account`` 0 is off.

    A day of eighty greetings, or a visit of five minutes, is no handover, so that there
    are limits to what a company may allow.
    """

    large_account: Amount
    large_account_percentile: Annotated[int, Field(ge=1, le=100)]
    renewal_days: Days
    silent_days: Days
    long_years: Annotated[int, Field(ge=1)]
    day: Annotated[
        tuple[Annotated[str, AfterValidator(check_hours)], ...],
        Field(min_length=1),
    ]
    minutes: Minutes
    visits: Annotated[int, Field(ge=1, le=12)]
    people: Annotated[int, Field(ge=1, le=20)]
    visit_key: VisitMinutes
    visit_base: VisitMinutes
    visit_group: Minutes
    visit_online: VisitMinutes
    travel_far: Minutes
    travel_near: Minutes
    prepare: Minutes
    slack: Annotated[float, Field(ge=0, lt=1)]
    manager_visits: Annotated[int, Field(ge=0)]
    expires_days: Days
    blackouts: tuple[Annotated[str, AfterValidator(check_days)], ...]

    @field_validator("minutes")
    @classmethod
    def _fit_into_the_day(cls, value: int, info: ValidationInfo) -> int:
        return check_minutes(value, info.data.get("day", ()))


class TransferRules(PolicySection):
    """``[transfer]``: what a run may write. ``max_share`` 0 is off."""

    require: Literal["approval", "acceptance"]
    max_accounts: Count
    max_share: Share
    drift_share: Share
    drift_min: Count
    undo_by: tuple[str, ...]
    on_behalf: bool


class TaskRules(PolicySection):
    """``[tasks]``: the nightly tasks for gaps, off until somebody answers."""

    enabled: bool
    approved_by: str
    due_days: Days
    max_new_per_owner: Annotated[int, Field(ge=0)]


class Policy(PolicySection):
    """All rules of one company. ``items`` are the file's ``[[item]]``, in order."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_alias=True)

    version: Annotated[str, Field(coerce_numbers_to_str=True)]
    audit: AuditRules
    placeholders: PlaceholderWords
    weights: Weights
    classes: Classes
    items: Annotated[tuple[Item, ...], Field(alias="item")]
    plan: PlanRules
    transfer: TransferRules
    tasks: TaskRules

    @cached_property
    def text(self) -> str:
        """The whole content as canonical JSON; what the ledger keeps."""
        content = self.model_dump(mode="json", by_alias=True)
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, whatever the file looks like."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def item_name(self, code: str, words: Words) -> str:
        """Return what people call an item: the company's name for it, else ours.

        An item that the policy no longer has, or a company's own without a name, goes
        by the last part of its code.
        """
        named = self._names.get(code)
        key = f"item:{code}"
        return named or (words(key) if words.has(key) else code.rpartition(".")[2])

    def item_rule(self, item: Item, words: Words) -> str:
        """Return in words when an item counts as present."""
        key = f"item-rule:{item.code}"
        return words(key if words.has(key) else "item-rule:own")

    @cached_property
    def _names(self) -> dict[str, str]:
        return {item.code: item.name for item in self.items if item.name}

    @cached_property
    def enabled(self) -> tuple[Item, ...]:
        """The items that are audited, in the policy's order."""
        return tuple(item for item in self.items if item.enabled)


def load_policy(path: Path | None = None) -> Policy:
    """Read a company's policy over the built-in one; None is the built-in one alone.

    Raises:
        BadPolicy: it cannot be read, a key or value is wrong, or one of the five groups
            would be left without items; names file, line and key.
    """
    built_in = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
    if path is None:
        return Policy.model_validate(built_in)
    text = ""
    try:
        text = _read(path)
        return _overlaid(built_in, _parsed(text))
    except _Mistake as mistake:
        line = mistake.line or line_of(text, mistake.keys, named_by="code") or ""
        raise BadPolicy(
            file=path.name,
            line=line,
            key=_shown(mistake.keys),
            place=Phrase(
                text="policy-mistake:line" if line else "policy-mistake:file",
                params={"file": path.name, "line": line},
            ),
            detail=mistake.detail,
        ) from mistake


class _Mistake(Exception):
    """What is wrong, and under which keys; an item stands as ``("item", code)``."""

    def __init__(
        self, keys: Sequence[str], detail: Phrase, *, line: int | None = None
    ) -> None:
        self.keys = tuple(keys)
        self.line = line
        self.detail = detail


def _rule(keys: Sequence[str], detail: str, **params: object) -> _Mistake:
    """Return the mistake of a rule of policies that is broken."""
    return _Mistake(keys, Phrase(text=f"policy-mistake:{detail}", params=params))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _Mistake((), unreadable(error)) from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, detail = no_toml(error)
        raise _Mistake((), detail, line=line) from error


def _overlaid(built_in: Mapping[str, Any], own: Mapping[str, Any]) -> Policy:
    """Overlay ours with a company's content and check the outcome."""
    sections = {
        field.alias or name: field for name, field in Policy.model_fields.items()
    }
    merged = dict(built_in)
    for name, content in own.items():
        _known(name, sections, ())
        if name == "item":
            merged[name] = _items(built_in[name], content)
        elif isinstance(built_in[name], Mapping):
            if not isinstance(content, Mapping):
                raise _rule((name,), "no_table")
            for key in content:
                _known(key, built_in[name], (name,))
            merged[name] = {**built_in[name], **content}
        else:
            merged[name] = content
    try:
        policy = Policy.model_validate(merged)
    except ValidationError as error:
        raise _wrong_value(error, merged) from error
    gone = set(GROUPS) - {item.group for item in policy.enabled}
    for group in sorted(gone, key=GROUPS.index):
        raise _rule(("item", _last_of(group, own)), "group_gone", group=group)
    return policy


def _items(ours: Iterable[Mapping[str, Any]], theirs: object) -> list[dict[str, Any]]:
    """Overlay our items with the company's, by code; its own come last."""
    merged = {item["code"]: dict(item) for item in ours}
    if not isinstance(theirs, list):
        raise _rule(("item",), "no_items")
    for item in theirs:
        code = item.get("code") if isinstance(item, Mapping) else None
        if not isinstance(code, str) or not code:
            raise _rule(("item",), "no_code")
        keys = ("item", code)
        for key in item:
            _known(key, Item.model_fields, keys)
        given = merged.get(code)
        if given is None:
            _check_own(item, keys)
        elif not given["columns"][0].startswith(OWN_COLUMN):
            fixed = [
                k
                for k in ("group", "takes", "columns")
                if k in item and item[k] != given[k]
            ]
            if fixed:
                raise _rule((*keys, fixed[0]), "fixed", code=code)
        group = code.partition(".")[0]
        merged[code] = {"group": group, **(given or {}), **item}
        if merged[code]["group"] not in GROUPS:
            raise _rule(
                (*keys, "group"),
                "unknown_group",
                group=merged[code]["group"],
                groups=", ".join(GROUPS),
            )
    return list(merged.values())


def _check_own(item: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """Check that a company's own items audit the company's own columns only."""
    columns = item.get("columns", ())
    for column in columns if isinstance(columns, list) else ():
        if not str(column).startswith(OWN_COLUMN):
            name = str(column).rpartition(".")[2]
            raise _rule((*keys, "columns"), "own_column", near=OWN_COLUMN + name)


def _known(key: str, known: Iterable[str], above: tuple[str, ...]) -> None:
    if key not in known:
        raise _Mistake((*above, key), unknown_key(key, list(known)))


def _wrong_value(error: ValidationError, merged: Mapping[str, Any]) -> _Mistake:
    """Return the mistake of the first value that does not fit."""
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"][:2]]
    if keys[0] == "item":
        keys = ["item", merged["item"][int(keys[1])]["code"], str(first["loc"][2])]
    return _Mistake(
        keys[:-1] if first["type"] == "missing" else keys, wrong_value(error)
    )


def _last_of(group: str, own: Mapping[str, Any]) -> str:
    """Return the item whose switching off left the group empty."""
    codes = [str(item["code"]) for item in own.get("item", ())]
    return [code for code in codes if code.startswith(f"{group}.")][-1]


def _shown(keys: Sequence[str]) -> str:
    """Write a key as one finds it in the file."""
    if keys[:1] == ("item",):
        return " ".join(["[[item]]", *keys[1:3]])
    section, *key = keys or ("",)
    return " ".join([f"[{section}]", *key[:1]]) if section else ""
