"""People: the CRM's users, with what only the company's own list knows."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import UnknownEncoding
from handover.mirror.generations import Generation
from handover.mirror.people import Absence, BadPeople, People, load_people
from mappings.schema import arrow_schema

USERS: list[dict[str, object]] = [
    {"id": "005A00000012345AAA", "name": "佐藤 健一", "email": "sato@example.co.jp"},
    {"id": "u2", "name": "田中 花子", "manager_id": "u3", "team": "東京"},
    {"id": "u3", "name": "鈴木 部長", "is_active": True, "region": "関東"},
    {"id": "u4", "name": "高橋", "is_active": False},
    {"id": "u5", "name": None, "email": "queue@example.co.jp"},
    {"id": "u6", "name": "退職者", "is_deleted": True},
]


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    schema = arrow_schema("users")
    known = {"source": "crm", "is_deleted": False}
    rows = [known | user for user in USERS] + [{"source": "other", "id": "x1"}]
    full = [{name: row.get(name) for name in schema.names} for row in rows]
    file = tmp_path / "users.parquet"
    pq.write_table(pa.Table.from_pylist(full, schema), file)
    return Generation(
        n=1,
        folder=tmp_path,
        files={"users": file},
        sources={},
        published_at=dt.datetime(2027, 3, 1, tzinfo=dt.UTC),
    )


def people(generation: Generation, text: str = "", encoding: str = "utf-8") -> People:
    file = generation.folder / "people.csv"
    if text:
        file.write_text(text, encoding=encoding)
    return load_people(generation, "crm", file)


def test_without_a_file_people_are_the_users_of_the_source(
    generation: Generation,
) -> None:
    found = people(generation)
    assert [p.id for p in found] == ["005A00000012345AAA", "u2", "u3", "u4", "u5"]
    assert found.manager_of("u2") == "u3"
    assert found.manager_of("u3") is None
    assert found.delegate_of("u2") is None


def test_only_who_is_known_to_be_inactive_is_inactive(generation: Generation) -> None:
    found = people(generation)
    assert [found.is_active(key) for key in ("u2", "u3", "u4", "nobody", None)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_who_has_no_name_is_called_by_address(generation: Generation) -> None:
    found = people(generation)
    assert found.name("u5") == "queue@example.co.jp"
    assert found.name("nobody") == "nobody"
    assert found.name(None) == ""


def test_a_user_is_named_by_id_in_either_length_or_by_address(
    generation: Generation,
) -> None:
    found = people(
        generation,
        "user,manager,login\n"
        "005A00000012345,u3,sato\n"
        "SATO@example.co.jp,,ksato\n"
        "u2,sato@example.co.jp,\n",
    )
    assert found.manager_of("005A00000012345AAA") == "u3"
    assert found.login_of("005A00000012345AAA") == "ksato"
    assert found.manager_of("u2") == "005A00000012345AAA"


def test_titles_and_numbers_stand_in_the_file_alone(generation: Generation) -> None:
    found = people(generation, "user,title,phone\nu2,課長,03-1234-5678\n")
    person, other = found.user("u2"), found.user("u3")
    assert person is not None
    assert other is not None
    assert (person.title, person.phone) == ("課長", "03-1234-5678")
    assert (other.title, other.phone) == (None, None)


def test_empty_cells_keep_what_the_crm_says(generation: Generation) -> None:
    found = people(generation, "user,manager,delegate,team,region\nu2,,u3,,関西\n")
    person = found.user("u2")
    assert person is not None
    assert (person.manager_id, person.delegate_id) == ("u3", "u3")
    assert (person.team, person.region) == ("東京", "関西")


@pytest.mark.parametrize(
    "text",
    [
        "user,name\nboss@example.co.jp,山本\nu4,\n",
        "user,login\nboss@example.co.jp,yamamoto\n",
        "user,manager\nboss@example.co.jp,\nu4,boss@example.co.jp\n",
        "user,delegate\nboss@example.co.jp,\nu4,boss@example.co.jp\n",
    ],
)
def test_who_is_no_user_of_the_crm_becomes_a_person_by_a_line(
    generation: Generation, text: str
) -> None:
    person = people(generation, text).user("boss@example.co.jp")
    assert person is not None
    assert person.is_active
    assert person.email == "boss@example.co.jp"
    assert person.name in {"山本", "boss@example.co.jp"}


def test_a_person_of_our_own_may_have_a_manager_of_our_own(
    generation: Generation,
) -> None:
    found = people(generation, "user,name,manager\nm1,課長,m2\nm2,部長,\nu2,,m1\n")
    assert (found.manager_of("u2"), found.manager_of("m1")) == ("m1", "m2")


def test_days_are_read_as_people_write_them(generation: Generation) -> None:
    found = people(
        generation,
        "user,absent_from,absent_to\n"
        "u2,2027/4/1,2027年4月3日\n"
        "u2,2027-05-01,2027-05-01\n"
        "u3,2027-04-10,\n"
        "u4,,2027-04-10\n",
    )
    april, may = found.absences("u2")
    assert april == Absence(first=dt.date(2027, 4, 1), last=dt.date(2027, 4, 3))
    assert may == Absence(first=dt.date(2027, 5, 1), last=dt.date(2027, 5, 1))
    assert found.absences("u3")[0].last == dt.date.max
    assert found.absences("u4")[0].first == dt.date.min
    assert found.absences("u5") == ()


@pytest.mark.parametrize(
    ("text", "line", "column", "detail"),
    [
        ("user,manager\nu2,u3\nu99,u3\n", 3, "user", "u99"),
        ("user,manager\nu2,u99\n", 2, "manager", "u99"),
        ("user,delegate\nu2,u99\n", 2, "delegate", "u99"),
        ("user,absent_from\nu2,4/1\n", 2, "absent_from", "4/1"),
        ("user,absent_to\nu2,2027-02-30\n", 2, "absent_to", "2027-02-30"),
        (
            "user,absent_from,absent_to\nu2,2027-04-02,2027-04-01\n",
            2,
            "absent_to",
            "2027-04-01",
        ),
        ("user,manger\nu2,u3\n", 1, "manger", "manager"),
        ('user,name\nu2,"a\nb"\n,x\n', 4, "user", ""),
    ],
)
def test_a_wrong_line_is_named_with_its_number(
    generation: Generation, text: str, line: int, column: str, detail: str
) -> None:
    with pytest.raises(BadPeople) as caught:
        people(generation, text)
    assert caught.value.exit_code == 2
    named = {name: caught.value.params[name] for name in ("line", "column", "detail")}
    assert named == {"line": line, "column": column, "detail": detail}


def test_every_mistake_is_named_at_once(generation: Generation) -> None:
    text = (
        "user,manager,absent_from,absent_to\n"
        "u99,u98,2027-04-01,\n"
        "u2,u3,4/1,2027-02-30\n"
        "u3,,2027-04-02,2027-04-01\n"
        "u4,,2027-04-02,2027-04-03\n"
    )
    with pytest.raises(BadPeople) as caught:
        people(generation, text)
    mistakes: Any = caught.value.params["mistakes"]
    named = [(each.params["line"], each.params["column"]) for each in mistakes]
    assert named == [
        *((2, "user"), (2, "manager"), (3, "absent_from"), (3, "absent_to")),
        (4, "absent_to"),
    ]
    assert caught.value.params["count"] == 5


def test_lines_of_empty_cells_are_no_lines(generation: Generation) -> None:
    found = people(generation, "user,manager,\nu4, u3 ,\n,,\n\n")
    assert found.manager_of("u4") == "u3"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_the_file_may_come_from_a_japanese_spreadsheet(
    generation: Generation, encoding: str
) -> None:
    found = people(generation, "user,name\nm1,山本 部長\n", encoding)
    assert found.name("m1") == "山本 部長"


def test_rubbish_is_refused(generation: Generation) -> None:
    (generation.folder / "people.csv").write_bytes(b"user,name\nm1,\x81\xff\n")
    with pytest.raises(UnknownEncoding):
        people(generation)
