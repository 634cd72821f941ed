"""Who is met: the rules, as functions of what is known of an account.

A rule makes a meeting a must, or one that should take place if there is room. Each says
which columns it reads; where none of them is mapped it holds for nobody, and the plan
says so. A new rule is one entry of ``RULES`` and a sentence in the catalogues; what it
has to know of an account is a field of ``AccountFacts``, filled in ``facts``.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum

from handover.plan.model import LooseRecord, PutAside, Row
from handover.plan.portfolio import Portfolio
from handover.policy import Policy

DECIDED = "D"
"""The code of a person's decision, which stands beside those of the rules."""
NOT_NAMED = "X"
"""The code of an account that the moves do not name."""
KEY_CLASSES = frozenset({"key", "priority"})
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
NEW_ACCOUNT = dt.timedelta(days=30)
"""A younger account need not have been contacted yet."""

Column = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class AccountFacts:
    """What the rules and the planner know of one account."""

    source: str
    account_id: str
    name: str
    owner_id: str | None = None
    customer_class: str | None = None
    """As the CRM says it; a class that is only proposed makes no must."""
    proposed_class: str | None = None
    family: str = ""
    """The topmost company it belongs to."""
    region: str | None = None
    city: str | None = None
    industry: str | None = None
    """As ``_norm``."""
    address: str | None = None
    closed_days: str | None = None
    owner_since: dt.date | None = None
    renewal: dt.date | None = None
    created: dt.date | None = None
    requests: str | None = None
    """The text on what the customer waits for, as ``_norm``; so is the next."""
    project: str | None = None
    purchases: Mapping[str, Decimal] = field(default_factory=dict)
    """Lifetime amount by currency; so are the next two."""
    largest: Mapping[str, Decimal] = field(default_factory=dict)
    open_amounts: Mapping[str, Decimal] = field(default_factory=dict)
    open_opportunities: int = 0
    """Anybody's; the next are the predecessor's, or of an unread owner, by id."""
    opportunities: tuple[str, ...] = ()
    opportunity_names: Mapping[str, str] = field(default_factory=dict)
    open_requests: int = 0
    reachable: tuple[str, ...] = ()
    """Contacts, those who decide first."""
    latest_interaction: dt.date | None = None
    score: float | None = None
    ready: bool = False
    gaps: tuple[str, ...] = ()
    groups: int = 5
    """Groups of information that apply to it."""

    @property
    def area(self) -> str:
        """Where it lies: its city, else its region, else nowhere in particular."""
        return (self.city or self.region or "").strip()

    @property
    def place(self) -> str | None:
        """Where a visit goes."""
        return write_place(self.address, self.city, self.region)

    def value(self, currency: str) -> Decimal:
        """Add up lifetime purchases and open business in one currency."""
        nothing = Decimal(0)
        return self.purchases.get(currency, nothing) + self.open_amounts.get(
            currency, nothing
        )


def write_place(
    address: str | None, city: str | None, region: str | None
) -> str | None:
    """Write where a customer is: region, city and address, each said once.

    In Japan the largest comes first and nothing stands between them.
    """
    parts: list[str] = []
    for part in (address, city, region):
        if part and part.strip() and not any(part.strip() in p for p in parts):
            parts.append(part.strip())
    if any(map(_JAPANESE.search, parts)):
        return "".join(reversed(parts))
    return ", ".join(parts) or None


@dataclass(frozen=True, kw_only=True)
class PlanFacts:
    """What the mirror says about one predecessor's handover."""

    accounts: tuple[AccountFacts, ...]
    loose: tuple[LooseRecord, ...] = ()
    aside: tuple[PutAside, ...] = ()
    lifetime: Mapping[str, Sequence[Decimal]] = field(default_factory=dict)
    """Lifetime purchases of all accounts of the source that bought, by currency."""
    mapped: frozenset[Column] = frozenset()
    """The columns that the mapping fills."""
    portfolios: Mapping[str, Portfolio] = field(default_factory=dict)
    """What people own, by user id."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What the rules measure by."""

    policy: Policy
    as_of: dt.date
    currency: str
    large_from: Mapping[str, Decimal]
    """The amount from which a customer of the source is large, by currency."""


def measure(facts: PlanFacts, policy: Policy, currency: str, as_of: dt.date) -> Measure:
    """Return what the rules measure by: "large" is so among all of the source."""
    percentile = policy.plan.large_account_percentile
    return Measure(
        policy=policy,
        as_of=as_of,
        currency=currency,
        large_from={
            currency: find_percentile(amounts, percentile)
            for currency, amounts in facts.lifetime.items()
            if amounts
        },
    )


def find_percentile(amounts: Iterable[Decimal], percentile: int) -> Decimal:
    """Return the amount whose rank is ⌈percentile · n / 100⌉, from the least on."""
    ranked = sorted(amounts)
    rank = -(-percentile * len(ranked) // 100)
    return ranked[max(rank, 1) - 1]


class Wish(IntEnum):
    """How much somebody is to be met; the order is that of priority."""

    MUST = 0
    SHOULD = 1
    NONE = 2


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One reason to meet a customer, or (``Wish.NONE``) a burden to be named.

    ``by_class``: it holds for those the CRM calls key or priority accounts, which the
    manager may attend. ``while_open``: it no longer holds once no opportunity is open.
    """

    code: str
    level: Wish
    holds: Callable[[AccountFacts, Measure], bool]
    reads: tuple[Column, ...]
    by_class: bool = False
    while_open: bool = False


def _is_key_or_priority(account: AccountFacts, _: Measure) -> bool:
    """M1: the CRM calls it a key or priority account."""
    return account.customer_class in KEY_CLASSES


def _bought_much(account: AccountFacts, by: Measure) -> bool:
    """M2: its lifetime purchases are among the largest."""
    absolute = Decimal(str(by.policy.plan.large_account))
    if absolute > 0:
        lifetime = account.purchases.get(by.currency, Decimal(0))
        return max(lifetime, account.largest.get(by.currency, lifetime)) >= absolute
    return any(
        amount > 0 and amount >= by.large_from[currency]
        for currency, amount in account.purchases.items()
        if currency in by.large_from
    )


def _has_open_opportunity(account: AccountFacts, _: Measure) -> bool:
    """M3: an opportunity is open."""
    return account.open_opportunities > 0


def _waits_for_something(account: AccountFacts, by: Measure) -> bool:
    """S1: an open request, a text that says one, or a running project."""
    placeholders = by.policy.placeholders
    nothing = {*placeholders.words, *placeholders.accepted}
    said = any(
        text and text not in nothing for text in (account.requests, account.project)
    )
    return account.open_requests > 0 or said


def _renews_soon(account: AccountFacts, by: Measure) -> bool:
    """S2: a contract is renewed within the next days."""
    if account.renewal is None:
        return False
    ahead = (account.renewal - by.as_of).days
    return 0 <= ahead <= by.policy.plan.renewal_days


def _hangs_on_one_person(account: AccountFacts, _: Measure) -> bool:
    """S3: exactly one contact can be reached."""
    return len(account.reachable) == 1


def _is_silent(account: AccountFacts, by: Measure) -> bool:
    """S4: nobody has talked to it for long, or ever, and it is not new."""
    if account.latest_interaction is not None:
        silence = (by.as_of - account.latest_interaction).days
        return silence > by.policy.plan.silent_days
    return account.created is None or by.as_of - account.created >= NEW_ACCOUNT


def _has_long_had_one_owner(account: AccountFacts, by: Measure) -> bool:
    """S5: the same person has looked after it for years."""
    if account.owner_since is None:
        return False
    years = by.policy.plan.long_years
    return account.owner_since < subtract_years(by.as_of, years)


def _has_just_changed_owner(account: AccountFacts, by: Measure) -> bool:
    """S6: somebody else looked after it less than a year ago."""
    if account.owner_since is None:
        return False
    return subtract_years(by.as_of, 1) <= account.owner_since <= by.as_of


def subtract_years(day: dt.date, years: int) -> dt.date:
    """Return the day some years before; the 29th of February becomes the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


RULES = (
    Rule(
        code="M1",
        level=Wish.MUST,
        by_class=True,
        holds=_is_key_or_priority,
        reads=(("accounts", "customer_class"),),
    ),
    Rule(
        code="M2",
        level=Wish.MUST,
        holds=_bought_much,
        reads=(
            ("opportunities", "amount"),
            ("line_items", "amount"),
            ("orders", "amount"),
        ),
    ),
    Rule(
        code="M3",
        level=Wish.MUST,
        while_open=True,
        holds=_has_open_opportunity,
        reads=(("opportunities", "is_closed"),),
    ),
    Rule(
        code="S1",
        level=Wish.SHOULD,
        holds=_waits_for_something,
        reads=(
            ("requests", "is_open"),
            ("accounts", "requests"),
            ("accounts", "project"),
        ),
    ),
    Rule(
        code="S2",
        level=Wish.SHOULD,
        holds=_renews_soon,
        reads=(("accounts", "renewal_date"),),
    ),
    Rule(
        code="S3",
        level=Wish.SHOULD,
        holds=_hangs_on_one_person,
        reads=(
            ("contacts", "phone"),
            ("contacts", "mobile"),
            ("contacts", "email"),
        ),
    ),
    Rule(
        code="S4",
        level=Wish.SHOULD,
        holds=_is_silent,
        reads=(("activities", "happened_at"),),
    ),
    Rule(
        code="S5",
        level=Wish.SHOULD,
        holds=_has_long_had_one_owner,
        reads=(("accounts", "owner_since"),),
    ),
    Rule(
        code="S6",
        level=Wish.NONE,
        holds=_has_just_changed_owner,
        reads=(("accounts", "owner_since"),),
    ),
)
MUST = frozenset(rule.code for rule in RULES if rule.level is Wish.MUST)
SHOULD = frozenset(rule.code for rule in RULES if rule.level is Wish.SHOULD)
_BY_CLASS = frozenset(rule.code for rule in RULES if rule.by_class)
_WHILE_OPEN = frozenset(rule.code for rule in RULES if rule.while_open)


def list_reasons(
    account: AccountFacts, by: Measure, blind: Collection[str]
) -> tuple[str, ...]:
    """List the codes of every rule that holds, in their order.

    Args:
        account: what is known of it.
        by: thresholds and today.
        blind: codes of rules that nothing is mapped for.
    """
    return tuple(
        rule.code
        for rule in RULES
        if rule.code not in blind and rule.holds(account, by)
    )


def list_blind_rules(mapped: Collection[Column]) -> tuple[str, ...]:
    """List the codes of the rules of which no column is mapped."""
    return tuple(
        rule.code
        for rule in RULES
        if not any(column in mapped for column in rule.reads)
    )


def is_key_or_priority(reasons: Collection[str]) -> bool:
    """Return whether a row is a key or priority account's, by the CRM's own word."""
    return not _BY_CLASS.isdisjoint(reasons)


def is_attendance_open(row: Row) -> bool:
    """Return whether a manager has to say if they attend: they have not yet.

    It is asked for key and priority accounts, and for whom else the author proposes it.
    """
    is_asked = is_key_or_priority(row.reasons) or row.is_attended
    return row.is_met and row.co_attendance == "undecided" and is_asked


def judge_class(reasons: Sequence[str], customer_class: str) -> tuple[str, ...]:
    """Return a row's reasons, as they are with another class of customer."""
    others = tuple(code for code in reasons if code not in _BY_CLASS)
    by_class = [r.code for r in RULES if r.by_class and customer_class in KEY_CLASSES]
    return (*by_class, *others)


def find_musts(reasons: Collection[str]) -> frozenset[str]:
    """Return the rules, not a person's decision, that make a row a must."""
    return MUST.intersection(reasons)


def depend_on_opportunities(rules: Collection[str]) -> bool:
    """Return whether none of some rules holds once no opportunity is open."""
    return _WHILE_OPEN.issuperset(rules)
