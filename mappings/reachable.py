"""Whether a phone number or e-mail address can reach anybody."""

import re
from collections.abc import Container
from functools import cache

from email_validator import EmailNotValidError, validate_email
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    is_possible_number,
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
    return next((quality for quality in _BEST_FIRST if quality in found), INVALID)


def _plain_digits(text: str) -> str:
    """Write digits and dashes plainly, and take extensions off."""
    return _EXTENSION.sub(" ", nfkc(text).translate(_DASHES))


def _judge(text: str, country: str, empty: Container[str]) -> str:
    found = _NUMBER.search(text)
    if found is None:
        return PLACEHOLDER if text in empty else INVALID
    digits = re.sub(r"\D", "", found[0])
    if text in empty or (len(digits) > 1 and len(set(digits)) == 1):
        return PLACEHOLDER
    return OK if _is_possible(found[0], digits, country) else INVALID


def _is_possible(number: str, digits: str, country: str) -> bool:
    if not number.startswith("+"):
        trunk = _trunk_prefix(country)
        if not digits.startswith(trunk):
            return False
        if trunk == "0" and digits[1:2] not in {"", "0"}:
            # The usual case, for which parsing would take ten times as long.
            return len(digits) - 1 in _lengths(country)
    try:
        return is_possible_number(parse(number, country))
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
def _lengths(country: str) -> frozenset[int]:
    """Name the possible lengths of a country's numbers, without the trunk prefix."""
    about = PhoneMetadata.metadata_for_region(country)
    if about is None or about.general_desc is None:
        return frozenset()
    general = about.general_desc
    return frozenset((*general.possible_length, *general.possible_length_local_only))


def email_quality(text: str, empty: Container[str]) -> str:
    """Judge the addresses in one cell; the best of them counts.

    Syntax only: nothing is asked of the network, and domains for special use are
    addresses like others.
    """
    parts = [part for part in re.split(r"[;,、\n\r]", text) if part.strip()]
    several = len(parts) > 1 and all("@" in part for part in parts)
    found = {_judge_address(part, empty) for part in (parts if several else [text])}
    return next((quality for quality in _BEST_FIRST if quality in found), INVALID)


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
