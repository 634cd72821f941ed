"""Names to records: what people type finds one record, or says what it might be."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from handover.errors import AmbiguousName, UnknownName
from handover.mirror.find import account_finder, find_account, find_user
from handover.mirror.generations import Generation
from handover.mirror.people import People, Person
from handover.mirror.views import Mirror, open_mirror
from mappings.schema import arrow_schema

PERSONS = [
    Person(id="005A00000012345AAA", name="佐藤 健一", email="Sato@example.co.jp"),
    Person(id="102", name="Tanaka Hanako", email="tanaka@example.co.jp"),
    Person(id="103", name="鈴木 一郎"),
    Person(id="104", name="鈴木 一郎", is_active=False),
]
PEOPLE = People(by_id={one.id: one for one in PERSONS}, file=Path("people.csv"))

SALESFORCE = "https://x.lightning.force.com/lightning/r/Account/{}/view"
ACCOUNTS: list[dict[str, object]] = [
    {"id": "001A00000067890BBB", "name": "株式会社ＡＢＣ商事"},
    {"id": "001A00000067890bbb", "name": "小文字"},
    {"id": "123", "name": "番号が同じ会社"},
    {"id": "9001", "name": "東京精機"},
    {"id": "9002", "name": "大阪商事"},
    {"id": "9003", "name": "大阪 商事"},
    {"id": "東京精機", "name": "別会社"},
    {"id": "9004", "name": "解散済", "is_deleted": True},
    {"id": "9005", "name": None},
]


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    schema = arrow_schema("accounts")
    known = {"source": "crm", "is_deleted": False}
    rows = [known | row for row in ACCOUNTS] + [
        known | {"source": "other", "id": "x", "name": "よその会社"}
    ]
    full = [{name: row.get(name) for name in schema.names} for row in rows]
    file = tmp_path / "accounts.parquet"
    pq.write_table(pa.Table.from_pylist(full, schema), file)
    at = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
    generation = Generation(
        n=1, folder=tmp_path, files={"accounts": file}, sources={}, published_at=at
    )
    zone = ZoneInfo("Asia/Tokyo")
    with open_mirror(
        generation, "crm", as_of=at.date(), zone=zone, currency="JPY"
    ) as opened:
        yield opened


@pytest.mark.parametrize(
    "text",
    [
        "005A00000012345AAA",
        "005A00000012345",
        "佐藤 健一",
        "佐藤健一",
        "佐藤\u3000健一",
        "sato@EXAMPLE.co.jp",
        SALESFORCE.format("005A00000012345AAA"),
        " 005A00000012345 ",
    ],
)
def test_a_user_is_found_by_id_name_address_or_url(text: str) -> None:
    assert find_user(PEOPLE, text).id == "005A00000012345AAA"


@pytest.mark.parametrize("text", ["TANAKA HANAKO", "ｔａｎａｋａ　ｈａｎａｋｏ", "102"])
def test_case_and_width_do_not_matter(text: str) -> None:
    assert find_user(PEOPLE, text).id == "102"


def test_variants_of_a_character_are_one() -> None:
    users = People(by_id={"1": Person(id="1", name="髙﨑 一郎")}, file=Path("p.csv"))
    assert find_user(users, "高崎一郎").id == "1"


def test_several_of_one_name_are_listed_with_their_ids() -> None:
    with pytest.raises(AmbiguousName) as caught:
        find_user(PEOPLE, "鈴木一郎")
    assert caught.value.exit_code == 2
    assert caught.value.params["candidates"] == "鈴木 一郎 (103), 鈴木 一郎 (104)"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        find_user(PEOPLE, "佐藤 健二")
    assert caught.value.exit_code == 2
    assert "佐藤 健一" in str(caught.value.params["suggestion"])


def test_nobody_is_found_by_an_empty_text() -> None:
    with pytest.raises(UnknownName):
        find_user(PEOPLE, " ")


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("001A00000067890BBB", "001A00000067890BBB"),
        ("001A00000067890bbb", "001A00000067890bbb"),
        (SALESFORCE.format("001A00000067890BBB"), "001A00000067890BBB"),
        ("https://app.hubspot.com/contacts/123/record/0-2/9001", "9001"),
        ("https://app.hubspot.com/contacts/123/company/9001?x=9002", "9001"),
        (
            "https://x.my.salesforce.com/apex/Page?id=001A00000067890bbb&tab=9002",
            "001A00000067890bbb",
        ),
        ("株式会社ABC商事", "001A00000067890BBB"),
        ("株式会社abc商事", "001A00000067890BBB"),
        ("9002", "9002"),
        ("東京精機", "東京精機"),  # an id goes before a name
    ],
)
def test_an_account_is_found_by_id_url_or_name(
    mirror: Mirror, text: str, account: str
) -> None:
    assert find_account(mirror, text).id == account


def test_an_id_that_fits_two_only_without_case_is_not_guessed(mirror: Mirror) -> None:
    with pytest.raises(AmbiguousName):
        find_account(mirror, "001A00000067890")


def test_accounts_of_one_name_but_for_blanks_are_ambiguous(mirror: Mirror) -> None:
    with pytest.raises(AmbiguousName) as caught:
        find_account(mirror, "大阪商事")
    assert "9002" in str(caught.value.params["candidates"])
    assert "9003" in str(caught.value.params["candidates"])


@pytest.mark.parametrize("text", ["解散済", "9004", "よその会社", "x", "9999"])
def test_deleted_accounts_and_those_of_other_sources_are_not_there(
    mirror: Mirror, text: str
) -> None:
    with pytest.raises(UnknownName):
        find_account(mirror, text)


def test_several_are_found_in_the_order_they_were_named(mirror: Mirror) -> None:
    found = map(account_finder(mirror), ["9003", "9002"])
    assert [account.id for account in found] == ["9003", "9002"]
