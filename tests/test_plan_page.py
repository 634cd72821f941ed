import datetime as dt
import re
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from handover.i18n import words_for
from handover.plan.changes import Change, Comparison
from handover.plan.decision import RecordedDecision
from handover.plan.lists import list_parts
from handover.plan.model import LooseRecord, Plan
from handover.plan.page import list_weeks, plan_page
from handover.plan.terminal import print_changes, print_decision, print_list, print_plan
from handover.plan.view import Audience, list_legend, list_undecided
from tests.worlds.small_company import (
    COMPANY,
    account,
    by,
    key_account,
    people,
    plan_of,
    wanting,
    with_opportunity,
)

ACCOUNTS = [
    key_account(1, name="株式会社<script>alert(1)</script>", gaps=("contacts.person",)),
    with_opportunity(2, name="=HYPERLINK(1)"),
    wanting(3),
    account(4),
]
LOOSE = (
    LooseRecord(object="opportunities", id="O9", name="宙に浮いた商談", action=None),
)


def reader(language: str = "ja") -> Audience:
    return Audience(
        words=words_for(language), name=people().name, currency="JPY", prepare=20
    )


def plan(**request: Any) -> Plan:
    return plan_of(ACCOUNTS, facts={"loose": LOOSE}, **request)


def page(plan: Plan, language: str = "ja", *decisions: RecordedDecision) -> str:
    return plan_page(
        [plan],
        {plan.id: list(decisions)},
        reader(language),
        COMPANY,
        ZoneInfo("Asia/Tokyo"),
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ja", ["引継計画書", "佐藤", "田中", "高橋", "面会", "情報のみ", "承認"]),
        ("en", ["Handover plan", "Met in person", "Information only", "Approval"]),
    ],
)
def test_the_page_says_what_a_manager_has_to_sign(
    language: str, said: list[str]
) -> None:
    text = page(plan(), language)
    assert [word for word in said if word not in text] == []
    assert f'<html lang="{language}">' in text


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    text = page(plan())
    assert re.findall(r"<(?:script|link|img|iframe)\b", text) == []
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text) == []
    assert "&lt;script&gt;alert(1)" in text


def test_an_approval_shows_who_when_how_and_for_whom() -> None:
    made = by(
        "D",
        on_behalf="出張中",
        reason="確認済み",
        evidence={"kind": "file", "name": "p.pdf", "sha256": "ab" * 32},
    )
    recorded = RecordedDecision(
        decision="approve", version=1, fingerprint="f", as_delegate=True, by=made
    )
    text = page(plan(), "ja", recorded)
    for said in ("伊藤", "代理", "出張中", "確認済み", "abababababababab"):
        assert said in text
    assert "2027-03-01 18:00" in text


def test_the_calendar_shows_each_visit_once_and_the_days_off() -> None:
    found = plan(start=dt.date(2027, 4, 26), end=dt.date(2027, 5, 7))
    days = [day for week in list_weeks(found, COMPANY) for day in week]
    shown = [row.account_id for day in days for row in day.rows]
    assert sorted(shown) == [row.account_id for row in found.rows if row.visit]
    off = [f"{day.date:%m-%d}" for day in days if not day.works]
    assert off == ["04-29", "05-03", "05-04", "05-05"]
    assert page(found).count("× 休業") == 4


def printed(show: object, *args: object, language: str = "ja") -> str:
    assert callable(show)
    console = Console(file=StringIO(), width=120, color_system=None)
    show(*args, reader(language), console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_terminal_view_can_be_written_to_a_japanese_console(language: str) -> None:
    short = plan(start=dt.date(2027, 3, 2), end=dt.date(2027, 3, 2))
    changes = [
        Change(
            account_id="A01",
            name="客先01",
            field="mode",
            before="meet",
            after="inform",
            why="decided",
            reason="日程",
        )
    ]
    compared = Comparison(plan=short, since=1, changes=changes)
    said = [
        printed(print_plan, short, language=language),
        printed(print_list, [short], {}, language=language),
        printed(print_decision, compared, language=language),
        printed(print_changes, compared, language=language),
    ]
    for text in said:
        text.encode("cp932")
    assert "客先03" in said[0]


def test_every_code_in_a_plan_is_explained() -> None:
    found = plan()
    used = {code for row in found.rows for code in row.reasons}
    for language in ("ja", "en"):
        explained = dict(list_legend(found, words_for(language)))
        assert explained.keys() == used
        assert not any(text.startswith("reason:") for text in explained.values())


def test_what_is_undecided_is_counted() -> None:
    records, attendance = list_undecided(plan(), words_for("en"))
    assert records == "records without a customer to be decided: 1"
    asked = "the manager decides whether to attend: key accounts"
    assert attendance == f"{asked} (株式会社<script>alert(1)</script>)"


def test_lists_that_are_empty_are_left_out() -> None:
    titles = [table.title for table in list_parts(plan_of([account(1)]), reader("en"))]
    assert titles == ["Information only"]


def test_the_successor_is_named_only_where_there_are_several() -> None:
    headings = {h for t in list_parts(plan(), reader("en")) for h in t.headings}
    assert "Successor" not in headings
