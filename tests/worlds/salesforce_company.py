"""A made-up company in Salesforce, with the gaps that real ones have.

Everything follows from a number: the same number gives the same org. One mass update
has stamped all accounts alike, some activities are archived, some customers have no
contact, phone or class, and one colleague has left.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle

from tests.worlds.salesforce import KEY, Org, stamp

NOW = datetime(2027, 3, 1, tzinfo=UTC)
CLASSES = ("重要顧客", "重点顧客", "一般", "一般", None)
STAGES = ("Prospecting", "Proposal/Price Quote", "Negotiation/Review")
PRODUCTS = ("包装機", "計量機", "保守契約")


@dataclass
class Company:
    """The org, and the ids of those who matter."""

    org: Org = field(default_factory=Org)
    manager: str = ""
    sato: str = ""
    tanaka: str = ""
    left: str = ""
    accounts: list[str] = field(default_factory=list)


def company(count: int = 12) -> Company:
    """Make a company whose Mr Sato has so many customers."""
    made = Company()
    org = made.org
    org.now = NOW
    org.define_whole(*OBJECTS)
    org.define("Task", KEY)
    made.manager = _user(org, "山田 部長", None)
    made.sato = _user(org, "佐藤 健一", made.manager)
    made.tanaka = _user(org, "田中 遥", made.manager)
    made.left = _user(org, "高橋 直樹", made.manager, active=False)
    org.add("Group", Name="サポート窓口", Type="Queue")
    products = [org.add("Product2", Name=name) for name in PRODUCTS]
    for n, klass in zip(range(count), cycle(CLASSES), strict=False):
        made.accounts.append(_customer(made, n, klass, products[n % len(products)]))
    _customer(made, count, "一般", products[0], owner=made.tanaka)
    return made


OBJECTS = (
    *("Account", "Contact", "Opportunity", "OpportunityLineItem", "Case", "Task"),
    *("Event", "EventRelation", "AccountTeamMember"),
)
"""Standard objects of which the org shows every field."""


def _user(org: Org, name: str, manager: str | None, *, active: bool = True) -> str:
    return org.add("User", Name=name, IsActive=active, ManagerId=manager, Email=None)


def _day(days: int) -> str:
    return (NOW + timedelta(days=days)).date().isoformat()


def _customer(
    made: Company, n: int, kind: str | None, product: str, owner: str | None = None
) -> str:
    org, owner = made.org, owner or made.sato
    account = org.add(
        "Account",
        Name=f"見本商事{n:03d}",
        OwnerId=owner,
        CustomerClass__c=kind,
        Industry="食品" if n % 3 else None,
        Phone=f"03-5555-{n:04d}" if n % 4 else None,
        BillingCity="東京" if n % 2 else "横浜",
        CreatedDate=stamp(NOW - timedelta(days=900)),
    )
    if n % 5 != 4:
        _person(org, n, account, owner)
    _business(org, n, account, owner, product)
    _history(org, n, account, owner)
    return account


def _person(org: Org, n: int, account: str, owner: str) -> None:
    org.add(
        "Contact",
        AccountId=account,
        OwnerId=owner,
        Name=f"鈴木 {n}",
        Title="部長" if n % 2 else None,
        Email=f"suzuki{n}@example.jp",
        Phone=f"03-5556-{n:04d}",
    )


def _business(org: Org, n: int, account: str, owner: str, product: str) -> None:
    given = {"AccountId": account, "OwnerId": owner, "Name": f"案件{n}"}
    won = org.add(
        "Opportunity",
        **given,
        StageName="Closed Won",
        IsClosed=True,
        IsWon=True,
        Amount=1_000_000 + n,
        CloseDate=_day(-200),
        NextStep=None,
    )
    row = org.records["Product2"][product]
    org.add(
        "OpportunityLineItem",
        OpportunityId=won,
        Product2Id=product,
        Product2={"Name": row["Name"]},
        Quantity=1,
        TotalPrice=1_000_000 + n,
    )
    if n % 3 == 0:
        org.add(
            "Opportunity",
            **given,
            StageName=STAGES[n % len(STAGES)],
            IsClosed=False,
            IsWon=False,
            Amount=500_000,
            CloseDate=_day(30),
            NextStep="見積書の提出" if n % 2 else None,
        )
    if n % 4 == 0:
        org.add(
            "Case",
            AccountId=account,
            OwnerId=owner,
            Subject="納期の相談",
            Status="New",
            IsClosed=False,
        )


def _history(org: Org, n: int, account: str, owner: str) -> None:
    hangs = {"WhatId": account, "AccountId": account, "OwnerId": owner}
    for days, subtype, closed in ((-20, "Call", True), (20, "Task", False)):
        org.add(
            "Task",
            **hangs,
            Subject="電話" if closed else "資料を送る",
            Status="Completed" if closed else "Not Started",
            IsClosed=closed,
            TaskSubtype=subtype,
            ActivityDate=_day(days),
            Description="近況を伺った" if closed else None,
        )
    if n % 6 == 0:
        org.add(
            "Task",
            **hangs,
            Subject="昔の電話",
            Status="Completed",
            IsClosed=True,
            IsArchived=True,
            TaskSubtype="Call",
            ActivityDate=_day(-700),
        )
    starts = NOW + timedelta(days=10 if n % 2 else -10)
    org.add(
        "Event",
        **hangs,
        Subject="打合せ",
        StartDateTime=stamp(starts),
        EndDateTime=stamp(starts + timedelta(hours=1)),
    )
    if n % 2 == 0:
        org.add(
            "AccountTeamMember",
            AccountId=account,
            UserId=org_colleague(org),
            TeamMemberRole="技術担当",
            AccountAccessLevel="Edit",
        )


def org_colleague(org: Org) -> str:
    """Name the user who is on the teams: the third one made."""
    return list(org.records["User"])[2]
