"""Accounts that are likely one customer, of one CRM or of two."""

from dataclasses import replace
from pathlib import Path

import pytest

from handover.audit import other_findings
from tests.worlds.audited_records import audit_of


def test_likely_duplicates_share_a_name_or_a_website(tmp_path: Path) -> None:
    accounts = [
        {"id": "1", "name": "株式会社ABC商事", "owner_id": "", "website": ""},
        {"id": "2", "name": "（株）ＡＢＣ 商事", "owner_id": "", "website": "x"},
        {"id": "3", "name": "East", "owner_id": "", "website": "https://www.ab.jp/x"},
        {"id": "4", "name": "West", "owner_id": "", "website": "AB.jp"},
        {"id": "5", "name": "Alone Inc.", "owner_id": "", "website": ""},
    ]
    found = other_findings.duplicates([audit_of({"accounts": accounts}, tmp_path)])

    assert [(row.by, row.value) for row in found] == [
        ("domain", "ab.jp"),
        ("name", "abc商事"),
    ]
    assert [one.id for one in found[1].accounts] == ["1", "2"]
    assert not any(row.ambiguous for row in found)


@pytest.mark.parametrize(
    ("one", "other", "ambiguous"),
    [
        ([("A", "")], [("株式会社A", "")], False),
        ([("A", "a.jp")], [("B", "www.a.jp")], False),
        ([("髙橋商店", "")], [("高橋商店", "")], False),
        ([("A", ""), ("A社 ", "")], [("A", "")], False),
        ([("A", ""), ("(株)A", "")], [("A", "")], True),
        ([("A", "a.jp"), ("B", "")], [("B", "a.jp")], True),
        ([("A", "a.jp")], [("A", "b.jp")], True),
        ([("A", "a.jp"), ("A", "a.jp")], [], False),
    ],
)
def test_duplicates_of_two_sources_that_do_not_go_one_to_one_are_marked(
    tmp_path: Path,
    one: list[tuple[str, str]],
    other: list[tuple[str, str]],
    *,
    ambiguous: bool,
) -> None:
    audits = []
    for source, rows in (("one", one), ("other", other)):
        accounts = [
            {"id": str(n), "name": name, "owner_id": "", "website": website}
            for n, (name, website) in enumerate(rows)
        ]
        audit = audit_of({"accounts": accounts}, tmp_path)
        audits.append(replace(audit, source=source))
    found = other_findings.duplicates(audits)
    assert found
    assert any(row.ambiguous for row in found) == ambiguous
