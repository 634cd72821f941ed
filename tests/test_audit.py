"""Scores, readiness and what stands beside them."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handover.audit import other_findings
from handover.audit.engine import words_pattern
from handover.audit.evidence import EvidenceTexts, JudgedItem
from handover.audit.findings import failing, owner_findings, scores, totals
from handover.audit.model import (
    AccountFinding,
    AuditReport,
    InactiveOwner,
    OwnerFinding,
    SharedPerson,
    Totals,
)
from handover.audit.report import AuditRequest, combine, read_source
from handover.commands.forms import as_json
from handover.i18n import words_for
from handover.mirror.people import People, Person
from handover.policy import GROUPS, Policy
from handover.policy_file import load_policy
from tests.benchmarks.audit import Script, audited
from tests.benchmarks.company import write_company
from tests.conftest import SOAK
from tests.worlds.audited_records import (
    AS_OF,
    POLICY,
    Records,
    audit_of,
    mirror_of,
    states,
)

USERS = [
    {"id": "u1", "name": "佐藤", "is_active": "true"},
    {"id": "u2", "name": "鈴木", "is_active": "true"},
    {"id": "u9", "name": "田中", "is_active": "false"},
]
PEOPLE = People(
    by_id={
        "u1": Person(id="u1", name="佐藤", team="東"),
        "u2": Person(id="u2", name="鈴木", team="西"),
        "u9": Person(id="u9", name="田中", is_active=False),
    },
    file=Path("people.csv"),
)
OPEN = {"is_closed": "false", "is_won": "false", "owner_id": "u1"}
WON = {"is_closed": "true", "is_won": "true", "owner_id": "u1", "amount": "100"}

COMPANY: Records = {
    "users": USERS,
    "accounts": [
        {"id": "A", "name": "完備", "owner_id": "u1", "industry": "製造"},
        {"id": "B", "name": "不足", "owner_id": "u1", "industry": "不明"},
        {"id": "C", "name": "見込", "owner_id": "", "industry": ""},
    ],
    "contacts": [
        {
            "id": "c1",
            "account_id": "A",
            "name": "山田",
            "title": "部長",
            "email": "y@example.co.jp",
            "preferred_channel": "電話",
            "is_decision_maker": "true",
        },
        {
            "id": "c2",
            "account_id": "A",
            "name": "川口",
            "title": "",
            "email": "k@example.co.jp",
            "preferred_channel": "",
            "is_decision_maker": "",
        },
        {
            "id": "c3",
            "account_id": "B",
            "name": "受付",
            "title": "",
            "email": "info@example.co.jp",
            "preferred_channel": "",
            "is_decision_maker": "",
        },
    ],
    "opportunities": [
        {
            "id": "o1",
            "account_id": "A",
            **WON,
            "product": "旋盤",
            "close_date": "2027-01-10",
            "reason": "増産",
            "stage": "成約",
            "next_step": "",
            "next_step_date": "",
        },
        {
            "id": "o2",
            "account_id": "B",
            **WON,
            "product": "旋盤",
            "close_date": "2026-06-01",
            "reason": "",
            "stage": "成約",
            "next_step": "",
            "next_step_date": "",
        },
        {
            "id": "o3",
            "account_id": "B",
            **OPEN,
            "amount": "300",
            "product": "",
            "close_date": "2027-03-01",
            "reason": "",
            "stage": "見積",
            "next_step": "訪問",
            "next_step_date": "2027-01-15",
        },
        {
            "id": "o4",
            "account_id": "",
            **OPEN,
            "amount": "5",
            "product": "",
            "close_date": "2027-09-01",
            "reason": "",
            "stage": "提案",
            "next_step": "",
            "next_step_date": "",
        },
        {
            "id": "o5",
            "account_id": "gone",
            **OPEN,
            "owner_id": "u2",
            "amount": "5",
            "product": "",
            "close_date": "2027-09-01",
            "reason": "",
            "stage": "提案",
            "next_step": "",
            "next_step_date": "",
        },
    ],
    "activities": [
        {
            "id": "t1",
            "kind": "visit",
            "is_done": "true",
            "happened_at": "2027-03-01",
            "account_id": "A",
            "text": "納期を確認",
        },
        {
            "id": "t2",
            "kind": "call",
            "is_done": "true",
            "happened_at": "2026-03-01",
            "account_id": "B",
            "text": "",
        },
    ],
    "requests": [
        {
            "id": "q1",
            "account_id": "A",
            "subject": "修理",
            "is_open": "true",
            "owner_id": "u2",
        }
    ],
}
# By hand (must 2, should 1):
# A has everything: 100 in four groups, no opportunity is open.
# B contacts: person placeholder 0/2, channel stale 1/2, preference 0/1, second 0/1
#   -> 1/6. Organisation: business 0/2, role 0/2, decides 0/1 -> 0. Purchases: product
#   2/2, date 2/2, reason 0/2, no older one -> 4/6. Opportunities: stage 2/2, close date
#   0/2 (past), next step 1/2 (stale), owner 2/2, amount 1/1 -> 6/9. Interactions:
#   recent 1/2 (stale), no request open, summary 0/1 -> 1/3.
# C contacts 0, organisation 0, nothing bought, nothing open; interactions: recent 0/2,
#   no request open, no interaction to sum up -> 0.
BY_HAND = {
    "A": (100.0, True),
    "B": (100 * (1 / 6 + 0 + 4 / 6 + 6 / 9 + 1 / 3) / 5, False),
    "C": (0.0, False),
}


def policy_of(folder: Path, text: str) -> Policy:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return load_policy(file)


def test_the_scores_of_three_accounts_are_those_worked_out_by_hand(
    tmp_path: Path,
) -> None:
    found = scores(audit_of(COMPANY, tmp_path))

    assert {key: score.ready for key, score in found.items()} == {
        key: ready for key, (_, ready) in BY_HAND.items()
    }
    for key, (score, _) in BY_HAND.items():
        assert found[key].score == pytest.approx(score, abs=1e-9)


def test_gaps_are_the_must_items_to_fill_in_and_groups_those_that_apply(
    tmp_path: Path,
) -> None:
    found = scores(audit_of(COMPANY, tmp_path))

    assert found["A"].gaps == ()
    assert found["B"].gaps == (
        "contacts.person",
        "contacts.channel",
        "organisation.business",
        "organisation.role",
        "purchases.reason",
        "opportunities.close_date",
        "opportunities.next_step",
        "interactions.recent",
    )
    assert [found[key].groups for key in "ABC"] == [4, 5, 3]


def test_weights_of_levels_and_groups_come_from_the_policy(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "[weights]\nmust = 1\npurchases = 3")
    found = scores(audit_of(COMPANY, tmp_path, policy=policy))
    groups = (0.5 / 4, 0, 2 / 3, 3.5 / 5, 0.5 / 2)
    weighted = sum(w * g for w, g in zip((1, 1, 3, 1, 1), groups, strict=True))

    assert found["B"].score == pytest.approx(100 * weighted / 7)


def test_stale_keeps_an_account_from_being_ready_where_the_policy_says_so(
    tmp_path: Path,
) -> None:
    old = {
        **COMPANY,
        "activities": [{**COMPANY["activities"][0], "happened_at": "2026-04-15"}],
    }
    strict = policy_of(tmp_path, "[audit]\nstale_is_ready = false")

    assert scores(audit_of(old, tmp_path))["A"].ready
    assert not scores(audit_of(old, tmp_path, policy=strict))["A"].ready


def test_an_item_that_is_switched_off_counts_nowhere(tmp_path: Path) -> None:
    policy = policy_of(
        tmp_path, '[[item]]\ncode = "opportunities.close_date"\nenabled = false'
    )
    audit = audit_of(COMPANY, tmp_path, policy=policy)

    assert "opportunities.close_date" not in states(audit)["B"]
    assert scores(audit)["B"].score == pytest.approx(
        100 * (1 / 6 + 0 + 4 / 6 + 6 / 7 + 1 / 3) / 5
    )


OUTSIDE = {
    "accounts": [
        *("website", "address", "city", "region", "employees", "potential"),
        *("project", "renewal_date", "owner_since", "closed_days", "modified_at"),
        *("parent_id", "extra_notes", "url"),
    ],
    "contacts": ["owner_id", "modified_at", "url"],
    "opportunities": ["name", "competitor", "created_at", "modified_at", "url"],
    "activities": ["subject", "due", "direction", "owner_id", "modified_at"],
    "requests": ["status", "due", "opened_at", "contact_id", "modified_at"],
}
"""Columns of which the definition of the minimum knows nothing."""
CELLS = {
    "employees": ["", "12", "0"],
    "potential": ["", "9000000"],
    **{
        name: ["", "1999-01-01", "2027-04-01", "2031-12-31"]
        for name in ("renewal_date", "owner_since", "modified_at", "created_at", "due")
    },
    "opened_at": ["", "2001-01-01"],
}
TEXTS = ["", "不明", "なし", "x", "東京", "u9", "A"]


@settings(
    max_examples=60 if SOAK else 6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_columns_outside_the_definition_never_change_the_score(
    data: st.DataObject, tmp_path: Path
) -> None:
    def draw(name: str) -> str:
        return data.draw(st.sampled_from(CELLS.get(name, TEXTS)), label=name)

    filled = {
        table: [
            {**{name: draw(name) for name in OUTSIDE.get(table, ())}, **row}
            for row in rows
        ]
        for table, rows in COMPANY.items()
    }
    audit = audit_of(filled, tmp_path)

    for key, (score, ready) in BY_HAND.items():
        assert scores(audit)[key].score == pytest.approx(score, abs=1e-9)
        assert scores(audit)[key].ready is ready


def test_an_audit_of_some_accounts_finds_what_the_audit_of_all_finds(
    tmp_path: Path,
) -> None:
    whole = audit_of(COMPANY, tmp_path)
    some = audit_of(COMPANY, tmp_path, accounts=["B"])

    assert states(some) == {"B": states(whole)["B"]}
    assert scores(some) == {"B": scores(whole)["B"]}


def test_an_audit_leaves_nothing_behind_and_can_be_repeated(tmp_path: Path) -> None:
    with mirror_of(COMPANY, tmp_path) as mirror:
        before = mirror.con.sql("show all tables").fetchall()
        asked = AuditRequest(words=words_for("en"), policy=POLICY)
        first = read_source(mirror, asked, PEOPLE, {})
        second = read_source(mirror, asked, PEOPLE, {})
        after = mirror.con.sql("show all tables").fetchall()

    assert first.accounts == second.accounts
    assert before == after


def reported(records: Records, folder: Path, **asked: Any) -> AuditReport:
    with mirror_of(records, folder) as mirror:
        given = AuditRequest(words=words_for("en"), policy=POLICY, **asked)
        part = read_source(mirror, given, PEOPLE, {"B": frozenset({"contacts.person"})})
        return combine([part], mirror.generation, POLICY)


def test_the_report_has_the_names_of_the_json(tmp_path: Path) -> None:
    report = reported(COMPANY, tmp_path)
    written = json.loads(as_json(report.as_json()))
    account = written["accounts"][1]

    assert written["policy"] == {"version": POLICY.version, "hash": POLICY.hash}
    assert written["totals"] == {
        "accounts": 3,
        "ready": 1,
        "score": pytest.approx(sum(score for score, _ in BY_HAND.values()) / 3),
        "without_score": 0,
        "gaps": 8 + 5,
        "unjudged": 0,
    }
    assert not {"trend", "unmanaged"} & set(written)
    assert [a["id"] for a in written["accounts"]] == ["A", "B", "C"]
    assert list(account["groups"]) == list(GROUPS)
    assert written["accounts"][0]["groups"]["opportunities"] is None
    assert [item["item"] for item in account["items"]] == [
        item.code for item in POLICY.enabled
    ]
    assert account["items"][9] == {
        "group": "purchases",
        "item": "purchases.reason",
        "level": "must",
        "state": "missing",
        "quality": 0.0,
        "rows": 1,
        "rows_ok": 0,
        "evidence": {
            "text": "0 of 1 recent or large purchases have a reason.",
            "records": ["o2"],
            "at": "2026-06-01",
        },
    }
    not_bought = report.accounts[2].items[7]
    assert (not_bought.state, not_bought.quality) == ("not_applicable", None)
    assert not_bought.evidence.text == "Nothing was ever bought."


def test_confirmed_stands_beside_recorded_only_where_a_handover_runs(
    tmp_path: Path,
) -> None:
    report = reported(COMPANY, tmp_path)

    assert [account.confirmed for account in report.accounts] == [
        None,
        pytest.approx(1 / 12),  # must-items of B; no older purchase, no request open
        None,
    ]


def test_owners_are_rolled_up_and_nobodys_accounts_stand_last(tmp_path: Path) -> None:
    owners = reported(COMPANY, tmp_path).owners
    mean = (BY_HAND["A"][0] + BY_HAND["B"][0]) / 2
    weighted = (100 * BY_HAND["A"][0] + 400 * BY_HAND["B"][0]) / 500

    assert [owner.id for owner in owners] == ["u1", None]
    assert (owners[0].name, owners[0].team) == ("佐藤", "東")
    assert (owners[0].accounts, owners[0].ready) == (2, 1)
    assert owners[0].score == pytest.approx(mean)
    assert owners[0].weighted_score == pytest.approx(weighted)
    assert owners[1].weighted_score is None  # C is worth nothing yet


def test_accounts_without_a_score_are_counted_and_left_out_of_means() -> None:
    known = AccountFinding(
        id="A",
        source="files",
        name="A",
        owner_id="u1",
        owner="佐藤",
        customer_class=None,
        customer_class_state="unmapped",
        proposed_class=None,
        score=40.0,
        ready=False,
        confirmed=None,
        value=1.0,
        url=None,
        groups=dict.fromkeys(GROUPS),
        items=(),
    )
    rows = [known, replace(known, score=None, ready=True)]

    assert totals(rows, gaps=3, unjudged=5) == Totals(
        accounts=2, ready=1, score=40.0, without_score=1, gaps=3, unjudged=5
    )
    assert owner_findings(rows, PEOPLE)[0].score == 40.0
    assert totals([], gaps=0, unjudged=0).score is None


def test_open_opportunities_on_no_account_are_orphans(tmp_path: Path) -> None:
    orphans = reported(COMPANY, tmp_path).orphans

    assert [(o.object, o.id, o.owner_id) for o in orphans] == [
        ("opportunities", "o4", "u1"),
        ("opportunities", "o5", "u2"),
    ]
    theirs = reported(COMPANY, tmp_path, owner_ids={"u2"}).orphans
    assert [o.id for o in theirs] == ["o5"]


def test_what_is_not_mapped_is_listed_with_the_items_that_need_it(
    tmp_path: Path,
) -> None:
    with mirror_of(COMPANY, tmp_path, hidden=["orders.*"]) as mirror:
        asked = AuditRequest(words=words_for("en"), policy=POLICY)
        part = read_source(mirror, asked, PEOPLE, {})
    rows = {
        (row.table_name, row.column_name): (row.status, row.items)
        for row in other_findings.unmapped(part.audit)
    }

    assert rows["contacts", "phone"] == (
        "unmapped",
        ["contacts.channel", "contacts.second_person"],
    )
    assert rows["orders", "reason"][0] == "unreadable"
    assert ("contacts", "name") not in rows
    assert list(part.unseen["unreadable"]) == [
        "purchases.product",
        "purchases.date",
        "purchases.reason",
        "purchases.reason_older",
    ]
    assert part.unseen["unmapped"] == {}


def test_fail_on_must_names_those_not_ready_and_should_those_that_lack_anything(
    tmp_path: Path,
) -> None:
    records = {**COMPANY, "contacts": [dict(COMPANY["contacts"][0])]}
    audit = audit_of(records, tmp_path)

    assert failing(audit, "must") == {"B", "C"}
    assert failing(audit, "should") == {"A", "B", "C"}  # A has no second person


def test_a_person_on_several_accounts_is_named(tmp_path: Path) -> None:
    records = {
        "accounts": [
            {"id": key, "name": key, "owner_id": "u1"} for key in ("A", "B", "C")
        ],
        "contacts": [
            {"id": "c1", "account_id": "A", "name": "山田", "email": "y@example.jp"},
            {"id": "c2", "account_id": "B", "name": "山田", "email": "Y@example.jp"},
            {"id": "c3", "account_id": "A", "name": "総務", "email": "info@a.jp"},
            {"id": "c4", "account_id": "B", "name": "総務", "email": "info@a.jp"},
        ],
        "contact_links": [{"contact_id": "c1", "account_id": "C"}],
    }
    with mirror_of(records, tmp_path) as mirror:
        found = other_findings.shared_people(mirror)

    assert found == [
        SharedPerson(
            source="files",
            contact_ids=["c1", "c2"],
            name="山田",
            account_ids=["A", "B", "C"],
        )
    ]


def test_inactive_and_unknown_owners_are_named() -> None:
    active = OwnerFinding(
        id="u1",
        source="files",
        name="佐藤",
        team=None,
        is_active=True,
        accounts=3,
        ready=0,
        score=None,
        weighted_score=None,
        groups={},
    )
    left = replace(active, id="u9", name="田中", is_active=False)
    nobody = replace(left, id=None, name=None)

    assert other_findings.inactive_owners([active, left, nobody]) == [
        InactiveOwner(source="files", id="u9", name="田中", accounts=3)
    ]


def classes(records: Records, folder: Path, **given: Any) -> dict[str, tuple[Any, ...]]:
    names = ("customer_class", "customer_class_state", "proposed_class")
    return {
        row["id"]: tuple(row[name] for name in names)
        for row in audit_of(records, folder, **given).accounts.to_pylist()
    }


def test_classes_are_those_of_the_crm_and_unknown_ones_are_none(
    tmp_path: Path,
) -> None:
    words = {"A": "重要顧客", "B": "VIP", "C": "", "D": "一般"}
    accounts = [
        {"id": key, "name": key, "owner_id": "u1", "customer_class": word}
        for key, word in words.items()
    ]
    audit = audit_of({"accounts": accounts}, tmp_path)

    assert classes({"accounts": accounts}, tmp_path) == {
        "A": ("key", "mapped", None),
        "B": (None, "unmapped", None),
        "C": (None, "empty", None),
        "D": ("normal", "mapped", None),
    }
    assert other_findings.unknown_classes(audit) == {"VIP": 1}


def test_where_the_crm_has_no_class_one_is_proposed_and_shown_as_such(
    tmp_path: Path,
) -> None:
    accounts = [{"id": f"a{n:02}", "name": "x", "owner_id": "u1"} for n in range(1, 21)]
    opportunities = [
        {"id": "o1", "account_id": "a01", **WON, "close_date": "2027-01-01"},
        {"id": "o2", "account_id": "a02", **WON, "close_date": "2025-01-01"},
        {"id": "o3", "account_id": "a03", **OPEN, "amount": "900", "close_date": ""},
    ]
    records = {"accounts": accounts, "opportunities": opportunities}
    found = classes(records, tmp_path)

    assert found["a01"] == (None, "proposed", "key")
    assert found["a02"] == (None, "empty", None)
    assert found["a03"] == (None, "proposed", "priority")
    assert classes(records, tmp_path, accounts=["a03"]) == {"a03": found["a03"]}


def test_a_confirmation_is_an_interaction_with_something_to_say(
    tmp_path: Path,
) -> None:
    at = dt.datetime(2027, 3, 1, 3, tzinfo=dt.UTC)
    row = {
        "id": 1,
        "account_id": "C",
        "item": "contacts.person",
        "record_id": None,
        "result": "confirmed",
        "person": "c9",
        "recorded_by": "u1",
        "happened_at": at,
        "on_date": at.date(),
    }

    found = states(audit_of(COMPANY, tmp_path, confirmations=[row]))["C"]

    assert found["interactions.recent"] == "ok"
    assert found["interactions.summary"] == "ok"


def test_evidence_names_at_most_twenty_records(tmp_path: Path) -> None:
    orders = [
        {"id": f"r{n:02}", "account_id": "A", "product": "", "date": "2027-01-01"}
        for n in range(30)
    ]
    audit = audit_of({"accounts": COMPANY["accounts"], "orders": orders}, tmp_path)
    (row,) = (
        row
        for row in audit.items.to_pylist()
        if (row["account_id"], row["item"]) == ("A", "purchases.product")
    )

    assert (row["rows"], row["rows_ok"]) == (30, 0)
    assert row["records"] == [f"r{n:02}" for n in range(20)]


def test_words_of_a_list_become_one_pattern() -> None:
    assert words_pattern(("受付", "info")) == r"受付|\binfo\b"
    assert AS_OF.isoformat() == "2027-04-01"


def test_a_list_without_words_finds_nothing(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "[placeholders]\nnobody = []")
    found = states(audit_of(COMPANY, tmp_path, policy=policy))

    assert found["B"]["contacts.person"] == "ok"


def test_a_plain_script_comes_to_the_same_scores(tmp_path: Path) -> None:
    files = write_company(tmp_path, 400)
    ours, plain = audited(files), Script(files).scores()

    assert ours.keys() == plain.keys()
    assert [ours[key] for key in ours] == pytest.approx(
        [plain[key] for key in ours], abs=1e-9
    )


GARBAGE = {
    "contacts": ["has_left", "is_decision_maker", "email_bounced", "opted_out"],
    "opportunities": ["is_closed", "is_won", "close_date", "amount", "next_step_date"],
    "activities": ["is_done", "happened_at"],
    "requests": ["is_open", "opened_at"],
    "accounts": ["created_at", "requests_as_of", "employees"],
    "users": ["is_active"],
}
"""Columns with values that can be unreadable."""


@settings(
    max_examples=100 if SOAK else 8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_value_that_cannot_be_read_never_raises_a_score(
    data: st.DataObject, tmp_path: Path
) -> None:
    table = data.draw(st.sampled_from(sorted(set(GARBAGE) & set(COMPANY))))
    rows = [dict(row) for row in COMPANY[table]]
    at = data.draw(st.integers(0, len(rows) - 1))
    known = [name for name in GARBAGE[table] if name in rows[at]]
    column = data.draw(st.sampled_from(known or GARBAGE[table]))
    # All rows have the column, so that only the value differs.
    filled = [{**row, column: row.get(column, "")} for row in rows]
    spoilt = [dict(row) for row in filled]
    spoilt[at][column] = "読めない値"
    before = scores(audit_of({**COMPANY, table: filled}, tmp_path))
    after = scores(audit_of({**COMPANY, table: spoilt}, tmp_path))
    for key, found in after.items():
        assert (found.score or 0) <= (before[key].score or 0) + 1e-9
        assert found.ready <= before[key].ready


def test_what_was_put_aside_is_the_evidence(tmp_path: Path) -> None:
    opportunities = [
        {**row, "close_date": "来月あたり"} for row in COMPANY["opportunities"]
    ]
    report = reported({**COMPANY, "opportunities": opportunities}, tmp_path)
    (item,) = (
        item
        for item in report.accounts[1].items
        if item.item == "opportunities.close_date"
    )
    assert (item.state, item.evidence.records) == ("invalid", ["o3"])
    assert item.evidence.text == 'Could not be read: close_date "来月あたり".'


@pytest.mark.parametrize("language", ["en", "ja"])
def test_different_faults_of_one_item_read_differently(language: str) -> None:
    texts = EvidenceTexts(words_for(language), {})
    faults = {
        "purchases.date": ("missing", "invalid"),
        "opportunities.close_date": ("missing", "invalid"),
        "opportunities.next_step": ("missing", "placeholder", "stale"),
        "opportunities.owner": ("missing", "invalid"),
        "purchases.reason": ("missing", "placeholder"),
    }
    for item, states_of in faults.items():
        found = {
            texts.of(
                JudgedItem(
                    account_id="A",
                    item=item,
                    state=state,
                    quality=0.0,
                    rows=2,
                    rows_ok=1,
                    records=["o1"],
                    on_date=None,
                )
            ).text
            for state in states_of
        }
        assert len(found) == len(states_of), (item, found)
