"""A company in files, of the size that a story needs, in Japanese.

Its customers are all alike but for what a story says of them: each has somebody to
meet, and an open opportunity.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.worlds.planning_folder import sync, write

CONFIG = """\
language = "ja"
timezone = "Asia/Tokyo"
[time]
rehearsal = true
[crm.files]
folder = "export"
[calendar]
closed = []
"""
CITIES = [
    f"{prefecture}{city}市"
    for prefecture in ("東京都", "神奈川県", "千葉県", "埼玉県", "群馬県", "茨城県")
    for city in ("朝日", "大和", "緑", "桜", "泉", "松", "川口", "青葉", "若葉", "旭")
]


@dataclass(frozen=True, kw_only=True)
class Salesperson:
    """Somebody who sells, and whom they report to."""

    id: str
    name: str
    manager: str = ""
    delegate: str = ""
    is_active: bool = True


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A customer with its owner, and what makes it important."""

    id: str
    name: str
    owner: str
    customer_class: str = ""
    city: str = "東京都朝日市"
    amount: int = 100_000
    """Of its open opportunity; 0: there is none."""
    won: int = 0
    """Of what it bought in the last year."""


@dataclass(frozen=True, kw_only=True)
class Company:
    """What stands in the files."""

    people: Sequence[Salesperson]
    customers: Sequence[Customer]
    has_classes: bool = True
    config: str = field(default=CONFIG)


def build(folder: Path, company: Company) -> Path:
    """Write the files, and sync them."""
    export = folder / "export"
    export.mkdir(parents=True, exist_ok=True)
    (folder / "handover.toml").write_text(company.config, encoding="utf-8")
    people, customers = company.people, company.customers
    write(
        folder,
        "people.csv",
        [
            ("user", "manager", "delegate", "login"),
            *((p.id, p.manager, p.delegate, "") for p in people if p.manager),
        ],
    )
    write(
        export,
        "users.csv",
        [
            ("id", "name", "email", "is_active"),
            *(
                (p.id, p.name, f"{p.id.lower()}@example.jp", str(p.is_active).lower())
                for p in people
            ),
        ],
    )
    klass = ("customer_class",) if company.has_classes else ()
    write(
        export,
        "accounts.csv",
        [
            ("id", "name", "owner_id", "city", *klass),
            *(
                (c.id, c.name, c.owner, c.city, *[c.customer_class][: len(klass)])
                for c in customers
            ),
        ],
    )
    write(
        export,
        "contacts.csv",
        [
            ("id", "account_id", "name", "owner_id", "phone"),
            *(
                (f"{c.id}-C{n}", c.id, f"{name} 様子", c.owner, f"03-1234-5{n}78")
                for c in customers
                for n, name in enumerate(("山口", "井上"), 1)
            ),
        ],
    )
    write(
        export,
        "activities.csv",
        [
            ("id", "owner_id", "kind", "is_done", "happened_at", "account_id"),
            *(
                (f"{c.id}-V", c.owner, "visit", "true", "2027-02-20", c.id)
                for c in customers
            ),
        ],
    )
    write(export, "opportunities.csv", list(_list_opportunities(customers)))
    sync(folder)
    return folder


def _list_opportunities(customers: Iterable[Customer]) -> Iterable[Sequence[object]]:
    yield (
        *("id", "account_id", "owner_id", "name", "is_closed", "is_won"),
        *("amount", "close_date"),
    )
    for each in customers:
        if each.amount:
            name = f"{each.name} 更新"
            yield (
                *(f"{each.id}-O", each.id, each.owner, name, "false", "false"),
                *(each.amount, "2027-06-30"),
            )
        if each.won:
            yield (
                *(f"{each.id}-W", each.id, each.owner, "導入", "true", "true"),
                *(each.won, "2026-10-01"),
            )


SURNAMES = (
    *("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤"),
    *("吉田", "山田", "佐々木", "山口", "松本", "井上", "木村", "林", "斎藤", "清水"),
)
GIVEN = ("翔太", "美咲")


def make_salespeople(count: int, managers: Sequence[str]) -> list[Salesperson]:
    """Make salespeople with names of their own, evenly under some managers."""
    names = [f"{surname} {given}" for given in GIVEN for surname in SURNAMES]
    return [
        Salesperson(id=f"U{n:02}", name=names[n], manager=managers[n % len(managers)])
        for n in range(count)
    ]
