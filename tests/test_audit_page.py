"""The audit on paper: what a manager sees."""

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handover.audit.model import AuditReport, TrendStep, UnmanagedChange
from handover.audit.page import PER_OWNER, render
from handover.audit.report import AuditRequest, combine, read_source
from handover.i18n import words_for
from tests.test_audit import COMPANY, PEOPLE
from tests.worlds.audited_records import POLICY, Records, mirror_of

TODAY = dt.date(2027, 4, 1)


def report_of(records: Records, folder: Path, language: str) -> AuditReport:
    with mirror_of(records, folder) as mirror:
        asked = AuditRequest(words=words_for(language), policy=POLICY)
        part = read_source(mirror, asked, PEOPLE, {"B": frozenset()})
        return combine([part], mirror.generation, POLICY)


def page_of(records: Records, folder: Path, language: str = "en", **more: Any) -> str:
    report = replace(report_of(records, folder, language), **more)
    return render(report, words_for(language), TODAY, ["4 orphans"])


def test_three_numbers_and_the_managers_sentence_stand_on_top(tmp_path: Path) -> None:
    html = page_of(COMPANY, tmp_path)
    head = html.split("<h2>")[0]

    assert "<b>1 / 3</b>" in head
    assert "<b>46</b>" in head
    assert "<b>13</b>" in head
    assert "46 means: of the five kinds of information we agreed to hand over" in head
    assert "4 orphans" in head


def test_owners_come_first_then_accounts_then_what_to_fill_in(tmp_path: Path) -> None:
    html = page_of(COMPANY, tmp_path)
    headings = re.findall(r"<h2>(.*?)</h2>", html)

    assert headings[:3] == ["Owner by owner", "Which accounts", "What to fill in"]
    assert "Completeness by owner and group" in html
    assert "0 of 1 recent or large purchases have a reason." in html


def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    html = page_of(COMPANY, tmp_path)

    assert "<script" not in html
    assert not re.search(r"""(?:src|href)=["']?https?://""", html)
    assert "<link" not in html


def test_japanese_is_spoken_throughout(tmp_path: Path) -> None:
    html = page_of(COMPANY, tmp_path, "ja")

    assert '<html lang="ja">' in html
    for word in ("引継準備の状況", "導入理由", "入力・更新が必要", "充足率 46 とは"):
        assert word in html
    for word in ("What to fill in", "evidence:", "item-rule:", "item:", "state:"):
        assert word not in html


def test_names_from_the_crm_are_text_and_only_https_becomes_a_link(
    tmp_path: Path,
) -> None:
    accounts = [
        {
            "id": "A",
            "name": "<script>alert(1)</script>",
            "owner_id": "u1",
            "url": "javascript:alert(1)",
        },
        {"id": "B", "name": "良い", "owner_id": "u1", "url": "https://crm.example/B"},
    ]
    html = page_of({**COMPANY, "accounts": accounts}, tmp_path)

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "javascript:" not in html
    assert '<a href="https://crm.example/B">良い</a>' in html


def test_the_trend_is_drawn_where_there_are_two_audits(tmp_path: Path) -> None:
    step = TrendStep(
        at="x",
        as_of="2027-03-01",
        source="files",
        owner_id="u1",
        team=None,
        score=40.0,
        ready=1,
        accounts=2,
    )
    trend = [
        step,
        replace(step, as_of="2027-04-01", score=60.0),
        replace(step, as_of="2027-04-01", owner_id=None, score=None),
    ]

    assert "<polyline" in page_of(COMPANY, tmp_path, trend=trend)
    assert "<polyline" not in page_of(COMPANY, tmp_path, trend=trend[:1])


def test_owner_changes_without_a_plan_are_shown_where_asked(tmp_path: Path) -> None:
    change = UnmanagedChange(
        source="files",
        account_id="A",
        account="見込<b>",
        before="u1",
        before_name="佐藤",
        after=None,
        after_name=None,
        seen_at="2027-03-02T00:00:00",
        team="東",
    )

    page = page_of(COMPANY, tmp_path, unmanaged=[change])

    assert "2027-03-02" in page
    assert "<td>東</td><td>見込&lt;b&gt;</td><td>佐藤</td><td>(nobody)</td>" in page
    assert "Owner changes" not in page_of(COMPANY, tmp_path)


def test_no_accounts_make_a_page_as_well(tmp_path: Path) -> None:
    html = page_of({"accounts": []}, tmp_path)

    assert "There are no accounts." in html
    assert "There is no score" in html


@pytest.mark.parametrize("count", [2_000])
def test_it_stays_usable_with_thousands_of_accounts(count: int, tmp_path: Path) -> None:
    accounts = [
        {"id": f"a{n}", "name": f"お客様{n}", "owner_id": f"u{n % 60}"}
        for n in range(count)
    ]
    html = page_of({"users": COMPANY["users"], "accounts": accounts}, tmp_path)

    assert len(html) < 6_000_000
    assert "<details open>" not in html.split("<h2>Besides")[0]
    assert html.count("<tr>") > count


def test_of_an_owner_with_too_many_the_most_urgent_are_shown(tmp_path: Path) -> None:
    accounts = [
        {"id": f"a{n:04d}", "name": f"お客様{n:04d}", "owner_id": "u1"}
        for n in range(PER_OWNER + 7)
    ]
    html = page_of({"users": COMPANY["users"], "accounts": accounts}, tmp_path)

    assert html.count("and 7 more: handover audit --format xlsx") == 2
    assert f"{PER_OWNER + 7} of {PER_OWNER + 7} accounts need something" in html
    assert f"お客様{PER_OWNER - 1:04d}" in html
    assert f"お客様{PER_OWNER:04d}" not in html
