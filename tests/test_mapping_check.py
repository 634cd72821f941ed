"""A mapping against what a CRM shows: there, hidden, or not there at all."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from handover.i18n import words_for
from mappings.check import Checked, Seen, check
from mappings.errors import MappingError
from mappings.load import load_mapping

CRM = """
[users]
object = "User"
fields = { id = "Id", name = "Name" }
[accounts]
object = "Account"
[accounts.fields]
id = "Id"
name = "Name"
owner_id = "OwnerId"
region = "Region__r.Name"
phone = "Phone"
industry = { lookup = { object = "Code", match = "Key", take = "Text" } }
[[activities]]
object = "Task"
[activities.fields]
id = "Id"
kind = { constant = "task" }
is_done = "IsClosed"
happened_at = "At"
text = "Description"
account_id = "AccountId"
[[activities]]
object = "Mail"
[activities.fields]
id = "Id"
kind = { constant = "email" }
is_done = { constant = true }
happened_at = "At"
"""
THERE = {
    "User": Seen(fields=["Id", "Name"]),
    "Account": Seen(fields=["Id", "Name", "OwnerId", "Region__r", "Phone", "Key"]),
    "Code": Seen(fields=["Key", "Text"]),
    "Task": Seen(fields=["Id", "IsClosed", "At", "Description", "AccountId"]),
    "Mail": Seen(fields=["Id", "At"]),
}


def checked(tmp_path: Path, there: Mapping[str, Seen]) -> Checked:
    (tmp_path / "crm.toml").write_text(CRM, encoding="utf-8")
    return check(load_mapping("crm.toml", tmp_path), there.get)


def status(found: Checked, table: str, column: str) -> str:
    return {(t, c): s for t, c, s in found.columns}[table, column]


def test_what_is_there_is_mapped_and_what_nobody_names_is_not(tmp_path: Path) -> None:
    found = checked(tmp_path, THERE)
    assert not found.problems
    found.raise_errors()
    for column in ("*", "id", "owner_id", "region", "phone", "industry"):
        assert status(found, "accounts", column) == "mapped"
    assert status(found, "accounts", "website") == "unmapped"
    assert status(found, "activity_links", "*") == "mapped"
    assert status(found, "orders", "*") == "unmapped"


def test_a_hidden_field_is_unreadable_and_no_error(tmp_path: Path) -> None:
    there = Seen(fields=["Id", "Name", "OwnerId", "Key"], hidden={"Phone", "Region__r"})
    found = checked(tmp_path, {**THERE, "Account": there})
    found.raise_errors()
    assert [(p.code, p.field) for p in found.problems] == [
        ("hidden_field", "Region__r.Name"),
        ("hidden_field", "Phone"),
    ]
    assert status(found, "accounts", "phone") == "unreadable"
    assert status(found, "accounts", "region") == "unreadable"


def test_a_refused_object_makes_its_share_of_the_table_unreadable(
    tmp_path: Path,
) -> None:
    found = checked(tmp_path, {**THERE, "Mail": Seen(refused=True)})
    found.raise_errors()
    assert [(p.code, p.object) for p in found.problems] == [("hidden_object", "Mail")]
    assert status(found, "activities", "*") == "unreadable"
    assert status(found, "activities", "happened_at") == "unreadable"
    assert status(found, "activities", "text") == "mapped"


@pytest.mark.parametrize(
    ("changed", "code", "name", "suggestion"),
    [
        (
            {
                "Account": Seen(
                    fields=["Id", "Name", "OwnerId", "Fone", "Region__r", "Key"]
                )
            },
            *("unknown_field", "Phone", "Fone"),
        ),
        ({"Code": Seen(fields=["Key", "Texts"])}, "unknown_field", "Text", "Texts"),
        ({"Code": None}, "missing_object", "Code", "-"),
        ({"Task": None}, "missing_object", "Task", "-"),
        ({"User": None}, "required_table", "User", "-"),
    ],
)
def test_what_is_not_there_is_an_error_with_the_nearest_name(
    tmp_path: Path,
    changed: dict[str, Seen],
    code: str,
    name: str,
    suggestion: str,
) -> None:
    found = checked(tmp_path, {**THERE, **changed})
    with pytest.raises(MappingError) as caught:
        found.raise_errors()
    error = caught.value
    assert (error.code, error.exit_code) == (code, 2)
    assert str(error.params["file"]).endswith("crm.toml")
    assert name in {problem.field or problem.object for problem in found.problems}
    assert error.params["suggestion"] == suggestion


FILES = {
    "users.*": Seen(fields=["id", "name"]),
    "accounts.*": Seen(fields=["id", "name", "owner_id", "extra_設備", "extra_a b"]),
}


def test_files_and_columns_of_the_built_in_mapping_may_be_absent() -> None:
    found = check(load_mapping("files", Path()), FILES.get)
    assert not found.problems
    assert status(found, "accounts", "phone") == "unmapped"
    assert status(found, "opportunities", "*") == "unmapped"


def test_a_file_s_own_columns_are_found_by_their_prefix() -> None:
    found = check(load_mapping("files", Path()), FILES.get)
    assert found.mapping.extra == ("extra_設備",)
    assert status(found, "accounts", "extra_設備") == "mapped"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"users.*": None}, "required_table"),
        ({"accounts.*": Seen(fields=["id", "name"])}, "required_column"),
    ],
)
def test_required_files_and_columns_must_be_there(
    changed: dict[str, Seen], code: str
) -> None:
    found = check(load_mapping("files", Path()), {**FILES, **changed}.get)
    with pytest.raises(MappingError) as caught:
        found.raise_errors()
    assert caught.value.code == code


def test_an_optional_table_without_a_required_column_is_left_out_and_named() -> None:
    orders = {"orders.*": Seen(fields=["id", "account_id", "product"])}
    found = check(load_mapping("files", Path()), {**FILES, **orders}.get)
    found.raise_errors()
    (problem,) = found.problems
    assert (problem.code, problem.table, problem.column, problem.fatal) == (
        *("left_out_table", "orders", "date"),
        False,
    )
    assert status(found, "orders", "*") == "unmapped"
    assert not found.mapping.of("orders")
    assert found.mapping.of("accounts")


def test_a_field_that_the_user_s_own_mapping_names_must_exist(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'extends = "files"\n[accounts.fields]\nbusiness = "nam"\n', encoding="utf-8"
    )
    found = check(load_mapping("own.toml", tmp_path), FILES.get)
    with pytest.raises(MappingError) as caught:
        found.raise_errors()
    assert caught.value.code == "unknown_field"
    assert caught.value.params["key"] == "accounts.fields.business"
    assert caught.value.params["line"] == 3
    assert caught.value.params["suggestion"] == "name"


def test_a_field_that_moves_along_must_exist(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'extends = "files"\n[transfer]\nalso = ["accounts.owner2", "accounts.name"]\n',
        encoding="utf-8",
    )
    found = check(load_mapping("own.toml", tmp_path), FILES.get)
    (problem,) = found.problems
    assert (problem.code, problem.field) == ("unknown_field", "owner2")
    assert problem.suggestion == "owner_id"


def test_a_required_table_can_do_with_one_of_its_objects(tmp_path: Path) -> None:
    """Queues are users as well; an org may not show them to us."""
    there = {
        "User": Seen(fields=["Id", "Name"]),
        "Account": Seen(fields=["Id", "Name", "OwnerId"]),
    }
    found = check(load_mapping("salesforce", tmp_path), there.get)
    found.raise_errors()
    assert status(found, "users", "name") == "mapped"


def test_a_required_table_without_any_of_its_objects_is_missing(tmp_path: Path) -> None:
    account = Seen(fields=["Id", "Name", "OwnerId"])
    found = check(load_mapping("salesforce", tmp_path), {"Account": account}.get)
    with pytest.raises(MappingError) as caught:
        found.raise_errors()
    problems = caught.value.params["problems"]
    assert caught.value.code == "mapping_problems"
    assert isinstance(problems, tuple)
    assert problems[0].code == "required_table"


def test_all_that_is_missing_is_said_at_once_with_what_is_there_instead(
    tmp_path: Path,
) -> None:
    there = {"accounts.*": Seen(fields=["Id", "Name", "Owner_ID"])}
    listing = ["accounts.csv", "people.xls"]
    found = check(load_mapping("files", tmp_path), there.get, listing)
    with pytest.raises(MappingError) as caught:
        found.raise_errors()
    sentence = words_for("en").error(caught.value.code, caught.value.params)
    assert sentence is not None
    assert "4 things are missing" in sentence.what
    for said in ("accounts.csv, people.xls", "Id, Name, Owner_ID", "accounts.id"):
        assert said in sentence.why
    named = [one.suggestion for one in found.problems if one.column]
    assert named == ["Id", "Name", "Owner_ID"]
