"""Loading: what extends what, and every mistake named with its place."""

from pathlib import Path

import pytest

from mappings.errors import MappingError
from mappings.load import built_in, load_mapping
from mappings.model import Mapping

USERS = '[users]\nobject = "U"\nfields = { id = "Id", name = "Name" }\n'
ACCOUNTS = """[accounts]
object = "A"
[accounts.fields]
id = "Id"
name = "Name"
owner_id = "Owner"
"""
BASE = USERS + ACCOUNTS


def field(line: str) -> str:
    return f"{BASE}{line}\n"


def load(tmp_path: Path, text: str, **others: str) -> Mapping:
    for other, content in others.items():
        (tmp_path / f"{other}.toml").write_text(content, encoding="utf-8")
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    return load_mapping("own.toml", tmp_path)


def test_every_built_in_mapping_loads() -> None:
    for name in built_in():
        assert load_mapping(name, Path()).name == name


def test_an_extending_mapping_is_laid_over_field_by_field(tmp_path: Path) -> None:
    own = load(
        tmp_path,
        'extends = "base.toml"\n[accounts.fields]\nowner_id = "Rep"\nphone = "Tel"\n',
        base=BASE,
    )
    assert own.fields("A") == ("Id", "Name", "Rep", "Tel")


@pytest.mark.parametrize("nothing", ['""', "{}"])
def test_an_inherited_field_is_taken_away_by_nothing(
    tmp_path: Path, nothing: str
) -> None:
    (tmp_path / "own.toml").write_text(
        f'extends = "files"\n[accounts.fields]\nphone = {nothing}\n', encoding="utf-8"
    )
    own = load_mapping("own.toml", tmp_path)
    assert "phone" not in own.fields("accounts.csv")
    assert "phone" in own.fields("contacts.csv")


def test_an_inherited_table_is_taken_away_by_an_empty_object(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'extends = "files"\n[orders]\nobject = ""\n', encoding="utf-8"
    )
    assert "orders" not in load_mapping("own.toml", tmp_path).tables


def test_an_extending_mapping_may_change_the_object_and_add_a_table(
    tmp_path: Path,
) -> None:
    own = load(
        tmp_path,
        'extends = "base.toml"\n[accounts]\nobject = "Customer"\n'
        '[orders]\nobject = "O"\n'
        'fields = { id = "I", account_id = "C", product = "P", date = "D" }\n',
        base=BASE,
    )
    assert own.objects() == ("U", "Customer", "O")
    assert own.fields("Customer") == ("Id", "Name", "Owner")


def test_of_several_objects_the_named_one_is_changed_and_a_new_one_added(
    tmp_path: Path,
) -> None:
    activity = (
        '[[activities]]\nobject = "{}"\n[activities.fields]\nid = "I"\nkind = "K"\n'
        'is_done = "D"\nhappened_at = "H"\n'
    )
    own = load(
        tmp_path,
        'extends = "base.toml"\n[[activities]]\nobject = "Event"\n[activities.fields]\n'
        'text = "T"\n' + activity.format("Call__c"),
        base=BASE + activity.format("Task") + activity.format("Event"),
    )
    assert [part.object for part in own.of("activities")] == [
        "Task",
        "Event",
        "Call__c",
    ]
    assert "T" in own.fields("Event")
    assert "T" not in own.fields("Task")


def test_files_always_give_back_the_tasks_that_were_written(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        BASE.replace('"U"', '"u.csv"').replace('"A"', '"a.csv"'), encoding="utf-8"
    )
    own = load_mapping("own.toml", tmp_path)
    assert [part.object for part in own.of("activities")] == ["handover_tasks.csv"]
    assert own.write.task is not None
    assert own.write.task.status.done == "true"


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("\ufeff" + BASE, encoding="utf-8")
    assert load_mapping("own.toml", tmp_path).objects() == ("U", "A")


MISTAKES = [
    ("[acounts]\n", "unknown_table", "acounts", "accounts", 1),
    (field('phon = "P"'), "unknown_column", "accounts.fields.phon", "phone", 10),
    (
        field('phone = { feild = "P" }'),
        "unknown_conversion",
        "accounts.fields.phone",
        "field",
        10,
    ),
    (
        field('renewal_date = { field = "R", date_fmt = "%y" }'),
        "unknown_conversion",
        "accounts.fields.renewal_date",
        "date_format",
        10,
    ),
    (
        field('customer_class = { field = "C", values = { A = "kee" } }'),
        "unknown_mapping_word",
        "accounts.fields.customer_class",
        "key",
        10,
    ),
    (
        BASE + "[accounts.feilds]\n",
        "unknown_mapping_key",
        "accounts.feilds",
        "fields",
        10,
    ),
    (
        BASE + '[write]\ntask_kee = "K"\n',
        "unknown_mapping_key",
        "write.task_kee",
        "task_key",
        11,
    ),
    (
        BASE + '[transfer]\nalso = ["account.X"]\n',
        "unknown_table",
        "transfer.also",
        "accounts",
        11,
    ),
    ('extends = "fles"\n', "unknown_mapping", "extends", "files", ""),
]


@pytest.mark.parametrize(("text", "code", "key", "suggestion", "line"), MISTAKES)
def test_a_mistake_names_file_key_line_and_the_nearest_name(
    tmp_path: Path, text: str, code: str, key: str, suggestion: str, line: object
) -> None:
    with pytest.raises(MappingError) as caught:
        load(tmp_path, text)
    error = caught.value
    assert (error.code, error.exit_code) == (code, 2)
    assert str(error.params["file"]).endswith("own.toml")
    assert error.params["key"] == key
    assert error.params["suggestion"] == suggestion
    assert error.params["line"] == line


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (field("phone = 7"), "field name"),
        (field("phone = { optional = true }"), "where it comes from"),
        (field('phone = { fields = "F" }'), "tuple"),
        (field('business = { field = "B", date_format = "%y" }'), "date column"),
        (field('business = { multiply = ["A", "B"] }'), "number column"),
        (
            field('parent_id = { from = "orders", pick = "latest" }'),
            "accounts.owner_id",
        ),
        (BASE + '[accounts.extra]\n"a b" = "X"\n', "letters"),
        (BASE + "[orders.fields]\n", "object is needed"),
        ("orders = 1\n" + BASE, "section"),
        ("extends = 1\n", "name or path"),
        ("[users\n", "line 1"),
        (BASE + "[write.task]\nobject = 'T'\n", "required"),
    ],
)
def test_a_wrong_shape_is_told(tmp_path: Path, text: str, detail: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(tmp_path, text)
    assert caught.value.code == "bad_mapping"
    assert detail in str(caught.value.params["detail"])


def test_a_required_column_must_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        load(tmp_path, 'extends = "files"\n[accounts.fields]\nowner_id = ""\n')
    assert caught.value.code == "required_column"
    assert caught.value.params["key"] == "accounts.fields.owner_id"
    assert caught.value.params["line"] == 3


@pytest.mark.parametrize(
    "text",
    [USERS, BASE.replace('"Owner"', '{ from = "orders", pick = "most" }')],
)
def test_a_table_that_everything_rests_on_must_be_mapped(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(MappingError) as caught:
        load(tmp_path, text)
    assert caught.value.code == "required_table"


def test_a_circle_of_mappings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        load(tmp_path, 'extends = "b.toml"\n', b='extends = "own.toml"\n')
    assert caught.value.code == "circular_mapping"
    assert caught.value.params["chain"] == "own.toml > b.toml > own.toml"


LINKS = """[activity_links]
object = "TaskRelation"
{of}
[activity_links.fields]
activity_id = "TaskId"
target = "Kind"
target_id = "RelationId"
"""


@pytest.mark.parametrize("of", ["", "of = 7", 'off = "Task"'])
def test_links_of_activities_say_whose_they_are(tmp_path: Path, of: str) -> None:
    """An activity's id is unique within its object only."""
    with pytest.raises(MappingError) as caught:
        load(tmp_path, field(LINKS.format(of=of)))
    assert "activity_links.of" in str(caught.value.params["key"])


def test_only_links_of_activities_are_of_an_object(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        load(tmp_path, USERS + ACCOUNTS.replace('"A"\n', '"A"\nof = "Task"\n'))
    assert caught.value.params["key"] == "accounts.of"
