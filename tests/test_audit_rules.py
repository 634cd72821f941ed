"""The rules, case by case; the cases are written for sales managers."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from handover.audit.engine import FOLDER, RULES
from handover.policy import Policy
from handover.policy_file import load_policy
from tests.worlds.audited_records import audit_of

CASES = Path(__file__).parent / "cases" / "audit"
ACCOUNTS = [{"id": "A", "name": "東京精機", "owner_id": "u1"}]
USERS = [
    {"id": "u1", "name": "佐藤", "is_active": "true"},
    {"id": "u9", "name": "鈴木", "is_active": "false"},
]
ABOUT = {
    *("says", "expect", "expect_of", "rows", "quality"),
    *("hidden", "policy", "switch_on"),
}
"""Keys of a case that are no tables."""


def cases() -> list[Any]:
    """Read all cases, each under its sentence."""
    return [
        pytest.param(case, id=f"{file.stem}: {case['says']}")
        for file in sorted(CASES.glob("*.toml"))
        for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
    ]


@pytest.mark.parametrize("case", cases())
def test_the_records_of_a_case_have_the_states_it_says(
    case: dict[str, Any], tmp_path: Path
) -> None:
    given = {key: rows for key, rows in case.items() if key not in ABOUT}
    audit = audit_of(
        {"users": USERS, "accounts": ACCOUNTS, **given},
        tmp_path,
        policy=policy_of(case, tmp_path),
        hidden=case.get("hidden", ()),
    )
    found = {(row["account_id"], row["item"]): row for row in audit.items.to_pylist()}
    wanted = {"A": case["expect"], **case.get("expect_of", {})}

    assert {
        account: {item: found[account, item]["state"] for item in items}
        for account, items in wanted.items()
    } == wanted
    for item, numbers in case.get("rows", {}).items():
        row = found["A", item]
        assert [row["rows"], row["rows_ok"]] == (numbers or [None, None])
    for item, quality in case.get("quality", {}).items():
        assert found["A", item]["quality"] == pytest.approx(quality)


def policy_of(case: dict[str, Any], folder: Path) -> Policy:
    """Lay over the built-in policy what the case says of it."""
    lines = [
        f"[{section}]\n{key} = {value}"
        for section, keys in case.get("policy", {}).items()
        for key, value in keys.items()
    ]
    lines += [
        f'[[item]]\ncode = "{code}"\nenabled = true'
        for code in case.get("switch_on", ())
    ]
    file = folder / "policy.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return load_policy(file)


def test_rules_and_policy_name_the_same_items() -> None:
    texts = {name: (FOLDER / f"{name}.sql").read_text("utf-8") for name in RULES}
    ruled = {
        (name, item.code)
        for name, text in texts.items()
        for item in load_policy().items
        if f"'{item.code}'" in text
    }
    quoted = {
        code
        for text in texts.values()
        for code in re.findall(r"'([a-z_]+\.[a-z_]+)'", text)
    }

    assert ruled == {
        (item.group, item.code) for item in load_policy().items if not item.is_own
    }
    assert quoted == {code for _, code in ruled}
