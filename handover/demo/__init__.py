"""A sample company, written as the files that the ``files`` connector reads and writes.

Six salespeople and their managers, 240 customers, what they bought and why, what is
open, what was promised, and the gaps that such records have: blanks, placeholders,
people who left, a colleague who is gone. The same day gives the same bytes.
"""

import csv
import datetime as dt
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from handover.demo.book import DOMAIN, Book, Row, yes
from handover.demo.customers import add_customer
from handover.demo.faults import plant_faults

__all__ = ["write_demo"]

ACCOUNTS_EACH = 40

COLUMNS = {
    "users": "id name email is_active team region",
    "accounts": "id name owner_id owner_since parent_id customer_class business "
    "industry employees phone website address city region project renewal_date "
    "created_at",
    "contacts": "id account_id owner_id name title department is_decision_maker "
    "email phone mobile preferred_channel email_bounced opted_out has_left",
    "contact_links": "contact_id account_id role",
    "opportunities": "id account_id owner_id name stage is_closed is_won product "
    "amount currency close_date next_step next_step_date reason competitor created_at",
    "line_items": "id opportunity_id product quantity amount currency date",
    "orders": "id account_id owner_id product quantity amount currency cost date "
    "reason",
    "activities": "id owner_id kind is_done outcome happened_at due subject text "
    "account_id contact_id opportunity_id",
    "requests": "id account_id contact_id owner_id subject status is_open opened_at "
    "due",
}
PEOPLE = "user login manager delegate team region absent_from absent_to"


def write_demo(folder: Path, today: dt.date) -> None:
    """Write the sample company into a working folder.

    Args:
        folder: takes ``people.csv`` and, below ``export``, one CSV for each table.
        today: the day that all dates are counted from.
    """
    book = Book(today)
    _add_users(book)
    names = _company_names(book)
    for owner in book.words["areas"]:
        for _ in range(ACCOUNTS_EACH):
            add_customer(book, owner, *names.pop())
    plant_faults(book)
    (folder / "export").mkdir(parents=True, exist_ok=True)
    for table, columns in COLUMNS.items():
        _write(folder / "export" / f"{table}.csv", columns, book.tables[table])
    _write(folder / "people.csv", PEOPLE, book.tables["people"])


def _add_users(book: Book) -> None:
    """Add everybody, and who manages whom; logins are for the company to fill in."""
    for user, name, mail, manager, delegate, team, region in book.words["users"]:
        book.add(
            "users",
            id=user,
            name=name,
            email=f"{mail}@handover-demo.{DOMAIN}",
            is_active=yes(user != book.words["inactive"]),
            team=team,
            region=region,
        )
        book.add("people", user=user, manager=manager, delegate=delegate)


def _company_names(book: Book) -> list[tuple[str, str, Sequence[str]]]:
    """Give each company a name, its Latin form and its trade, in a mixed order."""
    company = book.words["company"]
    pairs = list(product(company["stems"], company["trades"]))
    return [
        (stem + trade[0], f"{latin}-{trade[1]}", trade)
        for (stem, latin), trade in book.dice.shuffled(pairs)
    ]


def _write(path: Path, columns: str, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns.split(), restval="")
        writer.writeheader()
        writer.writerows(rows)
