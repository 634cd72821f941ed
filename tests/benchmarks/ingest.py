"""How long it takes to turn a CRM's rows into rows of the common schema.

    python tests/benchmarks/ingest.py [ROWS]

Prints µs per row for eight typical tables, beside the plain way in the same run:
pandas, a column at a time, with the same cleaning, phonenumbers and email-validator
asked once for each distinct value. Lower is better; the aim is 12 µs in the mean.
"""

import html
import random
import re
import statistics
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from mappings.load import load_mapping
from mappings.schema import columns
from mappings.translate import TranslationSettings, Translator

Row = dict[str, str]
ZONE = ZoneInfo("Asia/Tokyo")
SETTINGS = TranslationSettings(
    timezone=ZONE,
    country="JP",
    currency="JPY",
    empty_words=frozenset({"なし", "不明", "未定", "-", "n/a", "test", "0000"}),
)
PAGE = 2_000
TABLES = (
    *("users", "accounts", "contacts", "opportunities"),
    *("line_items", "orders", "activities", "requests"),
)


def rows_of(table: str, count: int) -> Iterator[Row]:
    """Make rows as an export has them: all text, some cells empty, some in Japanese."""
    chance = random.Random(table)  # noqa: S311 - the same rows in every run
    start = date(2024, 1, 1)

    def cell(name: str, kind: type, nth: int) -> str:
        if name == "id":
            return f"{table}-{nth:07}"
        if chance.random() < 0.15:
            return ""
        day = start + timedelta(days=chance.randrange(900))
        at = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(
            minutes=chance.randrange(1440)
        )
        number = chance.randrange(10**8)
        words = {
            "kind": chance.choice(["電話", "メール", "訪問", "meeting"]),
            "outcome": chance.choice(["完了", "不在"]),
            "customer_class": chance.choice(["重要顧客", "一般"]),
            "email": f"taro.yamada{number}@example{number % 90}.co.jp",
            "phone": f"03-{number // 10**4:04}-{number % 10**4:04}",
            "mobile": f"090-{number // 10**4:04}-{number % 10**4:04}",
            "text": f"<p>{number} 定例の打合せ。</p><p>次回は見積を持参する。</p>",
            "name": f"株式会社 サンプル{number}",
            "country": chance.choice(["日本", "JP"]),
        }
        by_type = {
            date: day.isoformat(),
            datetime: at.isoformat(),
            bool: chance.choice(["true", "false"]),
        }
        if name in words:
            return words[name]
        if name.endswith("_id"):
            return f"{name}-{number % 5000}"
        return by_type.get(kind) or str(number % 1000 * 100)

    for nth in range(count):
        yield {
            **{
                name: cell(name, spec.type, nth)
                for name, spec in columns(table).items()
                if name not in {"source", "object"}
            },
            **({"account_id": f"A{nth % 500}"} if table == "activities" else {}),
        }


def ours(table: str, pages: list[list[Row]]) -> int:
    """Translate with the product."""
    mapping = load_mapping("files", Path.cwd())
    translator = Translator(mapping, "files", f"{table}.csv", SETTINGS)
    return sum(len(translator.page(page).tables[table]) for page in pages)


def plain(table: str, pages: list[list[Row]]) -> int:
    """Do the same with pandas, as one would write it."""
    return sum(len(_frame(table, page)) for page in pages)


def _frame(table: str, page: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(page, dtype=str)
    for name, spec in columns(table).items():
        if name not in frame:
            continue
        texts = frame[name].where(frame[name].str.strip() != "")
        if spec.type is date:
            frame[name] = pd.to_datetime(texts).dt.date
        elif spec.type is datetime:
            frame[name] = pd.to_datetime(texts, utc=True)
        elif spec.type is bool:
            frame[name] = texts.map({"true": True, "false": False})
        elif spec.type is not str:
            frame[name] = pd.to_numeric(texts)
        if spec.column.audited:
            frame[f"{name}_norm"] = _once(texts, _norm)
        if spec.column.quality:
            judge = _phone if spec.column.quality == "phone" else _email
            frame[f"{name}_quality"] = _once(texts, judge)
    return frame


def _once(texts: pd.Series, function: Callable[[str], str | None]) -> pd.Series:
    return texts.map({text: function(text) for text in texts.dropna().unique()})


def _norm(text: str) -> str | None:
    text = html.unescape(re.sub(r"<[^>]+>", "", unicodedata.normalize("NFKC", text)))
    return " ".join(text.split()).casefold()[:80] or None


def _phone(text: str) -> str:
    possible = phonenumbers.is_possible_number(phonenumbers.parse(text, "JP"))
    return "ok" if possible else "invalid"


def _email(text: str) -> str:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return "invalid"
    return "ok"


def measure(
    way: Callable[[str, list[list[Row]]], int], table: str, pages: list[list[Row]]
) -> float:
    """Take the best of three, in µs per row."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        count = way(table, pages)
        best = min(best, (time.perf_counter() - start) / count * 1e6)
    return best


def main() -> None:
    """Measure all tables and print a line for each."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    means: list[tuple[float, float]] = []
    print(f"{'table':<14} {'ours':>8} {'pandas':>8}  µs per row, {count} rows")
    for table in TABLES:
        rows = list(rows_of(table, count))
        pages = [rows[at : at + PAGE] for at in range(0, count, PAGE)]
        means.append((measure(ours, table, pages), measure(plain, table, pages)))
        print(f"{table:<14} {means[-1][0]:>8.1f} {means[-1][1]:>8.1f}")
    mean, other = (statistics.mean(column) for column in zip(*means, strict=True))
    print(f"{'mean':<14} {mean:>8.1f} {other:>8.1f}")


if __name__ == "__main__":
    main()
