"""``handover mapping``, seen from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handover.i18n import words_for
from mappings.errors import MappingError

USERS = "id,name\nU1,山田\n"
ACCOUNTS = "id,name,owner_id,phone,extra_設備\nA1,株式会社A,U1,,旋盤\n"


@pytest.fixture
def export(folder: Path) -> Path:
    export = folder / "export"
    (export / "users.csv").write_text(USERS, encoding="utf-8")
    (export / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    return export


def use(folder: Path, mapping: str) -> None:
    (folder / "own.toml").write_text(mapping, encoding="utf-8")
    config = folder / "handover.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text + 'mapping = "own.toml"\n', encoding="utf-8")


def test_list_names_the_built_in_mappings_and_the_configured_one(
    cli: Callable[..., Any], export: Path
) -> None:
    ended = cli("mapping", "list", "--json")
    found = ended.data["mappings"]
    assert ended.code == 0
    assert {"files", "hubspot"} <= {row["name"] for row in found}
    (used,) = [row for row in found if row["source"]]
    assert (used["name"], used["source"]) == ("files", "files")
    assert "files" in cli("mapping", "list").out


def test_show_tells_where_each_column_comes_from(
    cli: Callable[..., Any], folder: Path
) -> None:
    use(
        folder,
        'extends = "files"\n[transfer]\nalso = ["accounts.second"]\n[accounts.fields]\n'
        'owner_id = { from = "orders", pick = "most" }\n'
        'customer_class = { field = "rank", values = { A = "key" } }\n'
        'address = { fields = ["zip", "city"], join = " " }\n',
    )
    (found,) = cli("mapping", "show", "--json").data["mappings"]
    said = {
        (row["table"], row["column"]): (row["object"], row["from"])
        for row in found["columns"]
    }
    assert said["accounts", "customer_class"] == ("accounts.*", "rank (A = key)")
    assert said["accounts", "address"] == ("accounts.*", "zip + city")
    assert found["derived_owner"] == {"from": "orders", "pick": "most"}
    assert found["also"] == ["accounts.second"]
    assert found["task_key"] == "handover_key"
    assert "rank (A = key)" in cli("mapping", "show").out


def test_show_takes_a_name_or_a_path_without_any_configuration(
    cli: Callable[..., Any], folder: Path
) -> None:
    (folder / "handover.toml").unlink()
    (folder / "mine.toml").write_text('extends = "files"\n', encoding="utf-8")
    for name in ("files", "mine.toml"):
        assert cli("mapping", "show", name, "--json").code == 0


def test_check_says_what_is_mapped_and_what_is_not(
    cli: Callable[..., Any], export: Path
) -> None:
    ended = cli("mapping", "check", "--json")
    (found,) = ended.data["sources"]
    status = {
        (row["table_name"], row["column_name"]): row["status"]
        for row in found["columns"]
    }
    assert ended.code == 0
    assert ended.json["error"] is None
    assert found["problems"] == []
    assert status["accounts", "owner_id"] == "mapped"
    assert status["accounts", "extra_設備"] == "mapped"
    assert status["accounts", "website"] == "unmapped"
    assert status["orders", "*"] == "unmapped"
    text = cli("mapping", "check").out
    assert "○ files fits this CRM." in text
    assert "the whole table" in text


def test_check_names_a_field_that_is_not_there_with_the_nearest_one(
    cli: Callable[..., Any], export: Path, folder: Path
) -> None:
    use(folder, 'extends = "files"\n[accounts.fields]\nmobile = ""\nphone = "fone"\n')
    ended = cli("mapping", "check", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_column")

    (folder / "own.toml").write_text(
        'extends = "files"\n[accounts.fields]\nphone = "fone"\n', encoding="utf-8"
    )
    ended = cli("mapping", "check", "--json")
    (problem,) = ended.data["sources"][0]["problems"]
    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_field")
    assert (problem["column"], problem["suggestion"]) == ("phone", "phone")
    assert "phone" in ended.json["error"]["hint"]
    said = cli("mapping", "check", "--lang", "ja")
    assert "「fone」という項目はありません" in said.err
    assert "×" in said.out


def test_check_of_a_folder_without_accounts_is_an_error(
    cli: Callable[..., Any], export: Path
) -> None:
    (export / "accounts.csv").unlink()
    ended = cli("mapping", "check", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "required_table")


def test_a_source_that_is_not_configured_is_a_usage_error(
    cli: Callable[..., Any], export: Path
) -> None:
    assert cli("mapping", "check", "--source", "salesforce").code == 2
    assert cli("mapping", "check", "--source", "files", "--json").code == 0


def test_a_mapping_that_does_not_exist_is_told_with_the_nearest_name(
    cli: Callable[..., Any], folder: Path
) -> None:
    ended = cli("mapping", "show", "hubspt")
    assert ended.code == 2
    assert ended.err.splitlines()[-1].endswith("hubspot")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_error_of_a_mapping_has_its_three_parts(language: str) -> None:
    for kind in MappingError.__subclasses__():
        sentence = words_for(language).error(kind.code, {})
        assert sentence is not None, kind.code
        assert all((sentence.what, sentence.why, sentence.remedy)), kind.code
