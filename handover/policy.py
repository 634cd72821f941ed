"""The company's definition of the minimum to hand over, and of the rules.

What is not declared here is a mistake in a policy file; ``policy_file`` reads those.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, get_args

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from handover.i18n import Words
from handover.mistakes import (
    check_days,
    check_hours,
    check_minutes,
    check_pair,
)
from mappings.schema import EXTRA
from mappings.text import norm

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
    travel_regions: Minutes
    prepare: Minutes
    slack: Annotated[float, Field(ge=0, lt=1)]
    manager_visits: Annotated[int, Field(ge=0)]
    expires_days: Days
    lead_days: Days
    prepare_days: Days
    hold_share: Share
    blackouts: tuple[Annotated[str, AfterValidator(check_days)], ...]
    month_end: Annotated[int, Field(ge=0, le=10)]
    quarter_end: Annotated[int, Field(ge=0, le=20)]
    """Of the fiscal year; the more of the two holds in its months."""
    travel: Mapping[Annotated[str, AfterValidator(check_pair)], Minutes] = {}
    """Ways that take another time, by the names of two cities or regions."""

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


class MeetingRules(PolicySection):
    """``[meeting]``: when what came back of a visit is no confirmation yet.

    ``abstract`` are phrases that say nothing; with fewer than ``least_items`` answers
    beside one of them the talk was abstract. ``rushed_accounts`` customers confirmed by
    one person within ``rushed_seconds``, or ``same_notes`` notes in the same words,
    were not asked one by one. For ``grace_days`` after the change of owner the
    predecessor is asked what customers did not know, then the successor.
    """

    abstract: WordList
    least_items: Count
    rushed_accounts: Count
    rushed_seconds: Annotated[int, Field(ge=0)]
    same_notes: Annotated[int, Field(ge=2)]
    grace_days: Days


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
    meeting: MeetingRules
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
