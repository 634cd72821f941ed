"""Where a key stands in a TOML file that people write, and which one they meant."""

import pytest

from mappings.toml_file import line_of, nearest, suggestion

TEXT = """\
# phone = "a comment"
language = "ja"

[crm."my files"]  # the folder
folder = "x"
rate = { burst = 5 }
closed = [
    ["2026-12-29", "2027-01-03"],
]

[[item]]
level = "must"
code = "contacts.person"

[[item]]
code = "contacts.pet"
level = "nice"
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("language",), 2),
        (("crm", "my files"), 4),
        (("crm", "my files", "folder"), 5),
        (("crm", "my files", "rate", "burst"), 6),
        (("crm", "my files", "closed"), 7),
        (("crm", "my files", "missing"), 4),
        (("item",), 11),
        (("item", "contacts.person"), 13),
        (("item", "contacts.person", "level"), 12),
        (("item", "contacts.pet", "level"), 17),
        (("item", "contacts.pet", "missing"), 16),
        (("phone",), None),
    ],
)
def test_a_key_is_found_where_it_stands_or_in_the_nearest_section_above(
    keys: tuple[str, ...], line: int | None
) -> None:
    assert line_of(TEXT, keys, named_by="code") == line


def test_a_slip_has_one_nearest_name_and_anything_else_a_few_to_choose_from() -> None:
    known = ("object", "fields", "optional")
    assert nearest("Feilds", known) == "fields"
    assert nearest("zzz", known) == ""
    assert suggestion("Feilds", known) == "fields"
    assert set(suggestion("zzz", known).split(", ")) == set(known)
    assert suggestion("zzz", ()) == ""
