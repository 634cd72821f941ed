"""What a mapping tells: objects, fields, lookups, and where a value is written."""

from pathlib import Path

import pytest

from mappings.errors import NotInvertible
from mappings.inverse import find_cell, find_target
from mappings.load import load_mapping
from mappings.model import DerivedOwner, Mapping

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
industry = { constant = "トラック" }
address = { fields = ["Street", "City"], join = ", " }
renewal_date = { field = "Renewal__c", date_format = "%d.%m.%Y" }
[accounts.fields.customer_class]
field = "Class__c"
values = { A = "key", B = "priority", C = "一般" }
[accounts.extra]
equipment = "InstalledBase__c"
[opportunities]
object = "Opportunity"
[opportunities.fields]
id = "Id"
account_id = "AccountId"
is_closed = { field = "Stage", values = { Won = true, Lost = true, Open = false } }
is_won = { field = "Stage", values = { Won = true, Lost = false, Open = false } }
amount = { multiply = ["Price", "Number"] }
[opportunities.fields.owner_id.lookup]
object = "Rep__c"
match = "Name"
take = "User__c"
field = "Rep__c"
[[activities]]
object = "Task"
[activities.fields]
id = "Id"
kind = { constant = "task" }
is_done = "IsClosed"
happened_at = "At"
[[activities]]
object = "Event"
[activities.fields]
id = "Id"
kind = { constant = "meeting" }
is_done = "Done"
happened_at = "At"
[transfer]
also = ["accounts.SecondOwner__c"]
[write]
task_key = "HandoverKey__c"
"""


def mapping(tmp_path: Path, text: str = CRM) -> Mapping:
    (tmp_path / "crm.toml").write_text(text, encoding="utf-8")
    return load_mapping("crm.toml", tmp_path)


def test_objects_that_others_look_into_are_pulled_first(tmp_path: Path) -> None:
    assert mapping(tmp_path).objects() == (
        *("Rep__c", "User", "Account", "Opportunity", "Task", "Event"),
    )


def test_fields_are_all_that_any_table_or_lookup_needs(tmp_path: Path) -> None:
    crm = mapping(tmp_path)
    assert crm.fields("Rep__c") == ("Name", "User__c")
    assert crm.fields("Opportunity") == (
        *("Id", "AccountId", "Stage", "Price", "Number", "Rep__c"),
    )


def test_the_company_s_own_columns_carry_the_prefix(tmp_path: Path) -> None:
    assert mapping(tmp_path).extra == ("extra_equipment",)


@pytest.mark.parametrize(
    ("column", "text", "field", "written"),
    [
        ("owner_id", "U1", "OwnerId", "U1"),
        ("customer_class", "priority", "Class__c", "B"),
        ("customer_class", "", "Class__c", ""),
        ("renewal_date", "2026-04-01", "Renewal__c", "01.04.2026"),
        ("extra_equipment", "2台", "InstalledBase__c", "2台"),
    ],
)
def test_a_column_is_written_where_and_as_the_crm_keeps_it(
    tmp_path: Path, column: str, text: str, field: str, written: str
) -> None:
    target = find_target(mapping(tmp_path), "accounts", column)
    assert target is not None
    assert (target.object, target.field) == ("Account", field)
    assert target.encode(text) == written


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("accounts", "address"),  # several fields
        ("accounts", "region"),  # a related record's
        ("accounts", "industry"),  # a constant
        ("accounts", "phone"),  # not mapped
        ("opportunities", "owner_id"),  # found through another object
        ("opportunities", "is_closed"),  # two words for one value
        ("opportunities", "amount"),  # a product
        ("orders", "amount"),  # the whole table is not mapped
    ],
)
def test_what_cannot_be_inverted_has_no_target(
    tmp_path: Path, table: str, column: str
) -> None:
    assert find_target(mapping(tmp_path), table, column) is None


def test_a_word_that_the_crm_has_no_value_for_is_refused(tmp_path: Path) -> None:
    target = find_target(mapping(tmp_path), "accounts", "customer_class")
    assert target is not None
    with pytest.raises(NotInvertible) as caught:
        target.encode("normal")
    assert caught.value.params["known"] == "key, priority, 一般"


def test_a_target_names_the_object_that_the_record_came_from(tmp_path: Path) -> None:
    target = find_target(mapping(tmp_path), "activities", "is_done", "Event")
    assert target is not None
    assert (target.object, target.field) == ("Event", "Done")


@pytest.mark.parametrize(
    ("column", "said", "written"),
    [
        ("accounts.business", "切削", "切削"),
        ("accounts.employees", "1200.5", "1200,5"),
        ("contacts.phone", "03-9876-5432", "03-9876-5432"),
        ("opportunities.close_date", "2027-04-01", "2027-04-01"),
        ("accounts.owner_id", "U1", None),  # people name users, a CRM wants ids
        ("accounts.customer_class", "key", None),  # what a class is called is open
        ("contacts.is_decision_maker", "true", None),  # a file may say はい
        ("requests.opened_at", "2027-04-01T00:00:00+00:00", None),  # a time of day
        ("accounts.nothing", "x", None),
    ],
)
def test_what_a_customer_says_is_written_where_the_file_has_a_place_for_it(
    tmp_path: Path, column: str, said: str, written: str | None
) -> None:
    (tmp_path / "own.toml").write_text(
        'extends = "files"\n[accounts]\ndecimal = ","\n', encoding="utf-8"
    )
    table, _, name = column.partition(".")
    cell = find_cell(load_mapping("own.toml", tmp_path), table, name, f"{table}.csv")
    assert (cell and cell.encode(said)) == written


def test_an_owner_by_rule_is_known_as_such_and_cannot_be_written() -> None:
    cases = Path(__file__).parent / "cases"
    maven = load_mapping("maven.toml", cases)
    assert maven.derived_owner == DerivedOwner(table="opportunities", pick="latest")
    assert find_target(maven, "accounts", "owner_id") is None
    assert load_mapping("files", cases).derived_owner is None


def test_ids_of_a_table_fed_by_several_objects_are_split(tmp_path: Path) -> None:
    crm = mapping(tmp_path)
    assert crm.crm_id("activities", "Event:00U1") == ("Event", "00U1")
    assert crm.crm_id("accounts", "odd:id") == (None, "odd:id")


def test_ids_in_files_stay_as_they_are() -> None:
    files = load_mapping("files", Path())
    assert files.crm_id("activities", "a:1") == (None, "a:1")


def test_patterns_stand_for_the_files_they_match() -> None:
    files = load_mapping("files", Path())
    target = find_target(files, "accounts", "owner_id", "accounts.csv")
    assert target is not None
    assert (target.object, target.field) == ("accounts.csv", "owner_id")
    assert "owner_id" in files.fields("accounts.xlsx")


def test_the_hash_follows_what_is_said_not_how(tmp_path: Path) -> None:
    plain = mapping(tmp_path)
    assert plain.hash == mapping(tmp_path, "# a remark\n" + CRM).hash
    other = mapping(tmp_path, CRM.replace('"OwnerId"', '"Owner2__c"'))
    assert plain.hash != other.hash


def test_what_moves_along_is_named_by_table_and_field(tmp_path: Path) -> None:
    assert mapping(tmp_path).also == (("accounts", "SecondOwner__c"),)
