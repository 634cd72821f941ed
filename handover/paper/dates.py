"""Days, numbers and money as people write them."""

import datetime as dt
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_decimal

SIGNS = {"JPY": "円"}
"""Currencies written behind the number with a sign; a ¥ would break a cp932 console."""


def day(date: dt.date | None, language: str) -> str:
    """Write a day with its weekday: 2026年4月1日(水), Wed, 1 April 2026."""
    if date is None:
        return ""
    pattern = "y年M月d日(E)" if language == "ja" else "EEE, d MMMM y"
    return format_date(date, pattern, locale=language)


def short_day(date: dt.date | None, language: str) -> str:
    """Write a day where the year is known: 4/1(水), Wed 1 Apr."""
    if date is None:
        return ""
    pattern = "M/d(E)" if language == "ja" else "EEE d MMM"
    return format_date(date, pattern, locale=language)


def number(value: float | Decimal | None, language: str, digits: int = 0) -> str:
    """Write a number with thousands separators; a missing one is a dash."""
    if value is None:
        return "-"
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, pattern, locale=language)


def money(value: float | Decimal | None, currency: str, language: str) -> str:
    """Write an amount: 1,200,000円, 1,200 USD."""
    if value is None:
        return "-"
    sign = SIGNS.get(currency)
    amount = number(value, language)
    return f"{amount}{sign}" if sign else f"{amount} {currency}"
