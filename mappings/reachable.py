"""Whether a phone number or e-mail address can reach anybody."""

import re
from collections.abc import Container
from functools import cache

from email_validator import EmailNotValidError, validate_email
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    is_valid_number,
    parse,
)

from mappings.text import nfkc

OK, GENERIC, PLACEHOLDER, INVALID = "ok", "generic", "placeholder", "invalid"
_BEST_FIRST = (OK, GENERIC, PLACEHOLDER, INVALID)

GENERIC_MAILBOXES = frozenset(
    {
        *("info", "sales", "support", "contact", "office", "mail", "inquiry"),
        *("admin", "webmaster", "soumu"),
    }
)
"""Mailboxes that a company answers, not a person."""
DEAF_MAILBOXES = frozenset({"noreply", "no-reply", "no_reply", "donotreply"})
"""Mailboxes that nobody reads."""

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−ーｰ－", "-"))
_SEVERAL = re.compile(r"[/,;、|\n\r]|または|或いは")
_EXTENSION = re.compile(
    r"\(?\s*(?:内線(?:番号)?|ext(?:ension|n)?\.?|(?<![a-z])x)\s*[:.#]?\s*\d+\s*\)?"
    r"|\(?\s*代表?\s*\)?[:.]?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\+?\s*\(?\d[\d\s().-]*")
_SAME_DIGITS = re.compile(r"(\d)\1{6}$")
_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)
"""The kinds of numbers that make a number of a country's plan."""
_NAMED_ADDRESS = re.compile(r"<\s*([^<>]*@[^<>]*?)\s*>")
_BETWEEN_ADDRESSES = re.compile(r"[;,、/|\s]+")
_BETWEEN_ADDRESSES_BUT_BLANKS = re.compile(r"\s*[;,、/|\n\r]+\s*")
_MAILTO = re.compile(r"^\s*mailto:([^?]*).*$", re.IGNORECASE)
_PLAIN_ADDRESS = re.compile(
    r"(?=.{1,64}@)(?=.{6,254}$)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\.)+[a-z]{2,20}"
)


def phone_quality(text: str, country: str, empty: Container[str]) -> str:
    """Judge the numbers in one cell; the best of them counts.

    Args:
        text: the cell, not empty.
        country: ISO code in which a number without + is meant.
        empty: placeholder words.
    """
    if text in empty:
        return PLACEHOLDER
    numbers = _SEVERAL.split(_plain_digits(text))
    found = {_judge(number, country, empty) for number in numbers if number.strip()}
    # Blanks may stand inside a number or between two.
    if OK not in found and any(
        _judge(part, country, empty) == OK for n in numbers for part in n.split()
    ):
        return OK
    return next((quality for quality in _BEST_FIRST if quality in found), INVALID)


def lacks_lead(text: str, country: str) -> bool:
    """Tell whether a number is one that only lacks the 0 or + that it begins with."""
    digits = _plain_digits(text).strip()
    if not digits.isascii() or not digits.isdigit() or len(set(digits)) == 1:
        return False
    trunk = _trunk_prefix(country)
    return any(_is_valid(lead + digits, country) for lead in (trunk, "+") if lead)


def _plain_digits(text: str) -> str:
    """Write digits and dashes plainly, and take extensions off."""
    return _EXTENSION.sub(" ", nfkc(text).translate(_DASHES))


def _judge(text: str, country: str, empty: Container[str]) -> str:
    found = _NUMBER.search(text)
    if found is None:
        return PLACEHOLDER if text in empty else INVALID
    digits = re.sub(r"\D", "", found[0])
    same = len(digits) > 1 and len(set(digits)) == 1
    if text in empty or same or _SAME_DIGITS.search(digits):
        return PLACEHOLDER
    return OK if _is_valid(found[0].strip(), country) else INVALID


def _is_valid(number: str, country: str) -> bool:
    """Tell whether the numbering plan of its country has a number."""
    if not number.startswith("+"):
        digits = re.sub(r"\D", "", number)
        trunk = _trunk_prefix(country)
        if not digits.startswith(trunk):
            return False
        if trunk == "0" and digits[1:2] not in {"", "0"}:
            # The usual case, for which parsing would take fifty times as long.
            return any(plan.fullmatch(digits[1:]) for plan in _plan(country))
    try:
        return is_valid_number(parse(number, country))
    except NumberParseException:
        return False


@cache
def _trunk_prefix(country: str) -> str:
    """Name the digits that a number within a country always begins with.

    Empty where it is never (Italy) or only sometimes written (United States, Russia).
    """
    about = PhoneMetadata.metadata_for_region(country)
    if about is None or not about.national_prefix:
        return ""
    rules = [
        form.national_prefix_formatting_rule
        for form in about.number_format
        if form.national_prefix_formatting_rule
    ]
    sometimes = any(
        form.national_prefix_optional_when_formatting for form in about.number_format
    )
    always = rules and all(about.national_prefix in rule for rule in rules)
    return str(about.national_prefix) if always and not sometimes else ""


@cache
def _plan(country: str) -> tuple[re.Pattern[str], ...]:
    """Return what the numbers of a country look like, without the trunk prefix."""
    about = PhoneMetadata.metadata_for_region(country)
    kinds = [getattr(about, kind, None) for kind in _KINDS]
    patterns = [kind.national_number_pattern for kind in kinds if kind]
    return tuple(re.compile(pattern) for pattern in patterns if pattern)


def email_quality(text: str, empty: Container[str]) -> str:
    """Judge the addresses in one cell; the best of them counts.

    Syntax only: nothing is asked of the network, and domains for special use are
    addresses like others.
    """
    found = {_judge_address(address, empty) for address in _addresses(text)}
    return next((quality for quality in _BEST_FIRST if quality in found), INVALID)


def find_address(text: str, empty: Container[str]) -> str | None:
    """Return the best address in one cell, alone; None where none can be true."""
    judged = [(_judge_address(each, empty), each) for each in _addresses(text)]
    best = dict(reversed(judged))
    return best.get(OK) or best.get(GENERIC)


def _addresses(text: str) -> list[str]:
    """Take several addresses apart, and names and mailto: off."""
    text = nfkc(text)
    named = _NAMED_ADDRESS.findall(text)
    for between in (_BETWEEN_ADDRESSES, _BETWEEN_ADDRESSES_BUT_BLANKS):
        parts = [part for part in between.split(text) if part]
        if not named and len(parts) > 1 and all("@" in part for part in parts):
            named = parts
    return [_MAILTO.sub(r"\1", address) for address in named or [text]]


def _judge_address(text: str, empty: Container[str]) -> str:
    address = nfkc(text).strip().casefold()
    mailbox, at, domain = address.rpartition("@")
    names = (address, mailbox, domain.partition(".")[0])
    if address == "a@a" or (at and any(n in empty for n in names)):
        return PLACEHOLDER
    if not at:
        return PLACEHOLDER if text in empty else INVALID
    if mailbox in DEAF_MAILBOXES or not _is_address(mailbox, domain):
        return INVALID
    return GENERIC if mailbox in GENERIC_MAILBOXES else OK


def _is_address(mailbox: str, domain: str) -> bool:
    if _PLAIN_ADDRESS.fullmatch(f"{mailbox}@{domain}"):
        return True
    # Japanese carriers gave out addresses with dots where RFC 5322 allows none.
    dotted = re.sub(r"\.{2,}", ".", mailbox).rstrip(".")
    try:
        validate_email(
            f"{dotted}@{domain}", check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError:
        return False
    return "." in domain
