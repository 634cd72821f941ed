"""Co-attendance and classes: the author proposes, the manager decides."""

import datetime as dt
from typing import Any

import pytest

from handover.i18n import words_for
from handover.ledger.states import Mode
from handover.plan import errors
from handover.plan.amendment import edit_plan
from handover.plan.edits import REST, Editor, Edits
from handover.plan.lists import list_parts
from handover.plan.model import Plan
from handover.plan.questions import list_approval_questions
from handover.plan.selection import AccountFacts
from handover.plan.view import Audience
from tests.worlds.small_company import (
    account,
    ground_of,
    key_account,
    plan_of,
    row_of,
    with_opportunity,
)

MANAGER = Editor(person_id="M", name="高橋", is_manager=True, managers="高橋")
AUTHOR = Editor(person_id="P", name="佐藤", is_manager=False, managers="高橋")
FRIDAY = dt.date(2027, 3, 5)
ACCOUNTS = [
    key_account(1),
    account(2, customer_class="priority"),
    with_opportunity(3),
    account(4, proposed_class="key"),
    account(5),
]


def edited(
    before: Plan,
    editor: Editor,
    *,
    accounts: list[AccountFacts] = ACCOUNTS,
    **changes: Any,
) -> Plan:
    return edit_plan(
        before, Edits(**changes), editor, ground_of(accounts), owner_is_active=True
    )


def drawn_up() -> Plan:
    return plan_of(ACCOUNTS, end=FRIDAY)


def open_options(plan: Plan) -> list[object]:
    return [each.params["options"] for each in list_approval_questions(plan)]


# Co-attendance


def test_what_the_author_proposes_keeps_room_for_the_manager_and_decides_nothing() -> (
    None
):
    proposed = edited(
        drawn_up(), AUTHOR, attend=("A01",), no_attend=("A02",), reason="更新の相談"
    )
    row = row_of(proposed, "A01")
    assert (row.co_attendance, row.attendance_proposed) == ("undecided", "yes")
    assert row.visit is not None
    assert "M" in row.visit.attendees
    assert row.co_attendance_reason == "更新の相談"
    assert open_options(proposed) == [f"--attend '{row.account}' --no-attend rest"]


def test_the_managers_word_takes_the_place_of_the_proposal() -> None:
    proposed = edited(drawn_up(), AUTHOR, attend=("A01",), reason="更新の相談")
    agreed = edited(proposed, MANAGER, attend=("A01",), no_attend=(REST,))
    row = row_of(agreed, "A01")
    assert (row.co_attendance, row.co_attendance_reason) == ("yes", "更新の相談")
    refused = edited(proposed, MANAGER, no_attend=(REST,))
    row = row_of(refused, "A01")
    assert (row.co_attendance, row.co_attendance_reason) == ("no", None)
    assert row.visit is not None
    assert "M" not in row.visit.attendees
    assert open_options(agreed) == open_options(refused) == []
    with pytest.raises(errors.NotYours):
        edited(refused, AUTHOR, attend=("A01",))


def test_a_manager_is_asked_for_whom_else_the_author_wants_them_to_meet() -> None:
    decided = edited(drawn_up(), MANAGER, no_attend=("A01", "A02"))
    assert open_options(decided) == []
    proposed = edited(decided, AUTHOR, attend=("A03",))
    assert open_options(proposed) == ["--attend rest"]


def test_a_manager_without_room_is_the_cause_and_the_visits_stay() -> None:
    accounts = [key_account(n) for n in range(1, 5)]
    day = dt.date(2027, 3, 4)
    before = plan_of(accounts, start=day, end=day)
    assert all(row.visit for row in before.rows)
    with pytest.raises(errors.ManagerNotFree) as refused:
        edited(before, MANAGER, accounts=accounts, attend=(REST,))
    assert refused.value.params["limit"] == 2


# Classes


def test_a_confirmed_class_makes_a_key_account_at_once() -> None:
    before = drawn_up()
    row = row_of(before, "A04")
    assert (row.mode, row.customer_class, row.is_class_open) == (
        Mode.INFORM,
        None,
        True,
    )
    after = edited(before, MANAGER, classes={"A04": "key"})
    row = row_of(after, "A04")
    assert (row.mode, row.customer_class, row.class_by) == (Mode.MEET, "key", "M")
    assert row.reasons[0] == "M1"
    assert row.visit is not None
    assert row.visit.minutes == 60
    assert len(open_options(after)) == 1
    assert not row.is_class_open
    others = [each for each in after.rows if each.account_id != "A04"]
    assert others == [each for each in before.rows if each.account_id != "A04"]


def test_a_customer_who_is_no_key_account_after_all_is_met_by_the_other_rules() -> None:
    before = plan_of([key_account(1), key_account(2, open_opportunities=1)], end=FRIDAY)
    after = edited(
        before,
        MANAGER,
        accounts=[key_account(1), key_account(2, open_opportunities=1)],
        classes={"A01": "normal", "A02": "normal"},
        reason="取引が減ったため",
    )
    first, second = row_of(after, "A01"), row_of(after, "A02")
    assert (first.mode, first.visit, first.reasons) == (Mode.INFORM, None, ())
    assert (second.mode, second.reasons) == (Mode.MEET, ("M3",))
    assert second.visit is not None
    assert row_of(before, "A02").visit is not None
    assert second.visit.minutes < 60


def test_another_class_than_was_proposed_needs_a_reason() -> None:
    with pytest.raises(errors.ReasonNeeded):
        edited(drawn_up(), MANAGER, classes={"A04": "priority"})
    after = edited(drawn_up(), MANAGER, classes={"A04": "normal"}, reason="一時的")
    row = row_of(after, "A04")
    assert (row.customer_class, row.class_reason, row.is_class_open) == (
        "normal",
        "一時的",
        False,
    )


def test_all_proposals_are_confirmed_at_once_and_nothing_else_is() -> None:
    accounts = [account(1, proposed_class="key"), account(2), account(3)]
    before = plan_of(accounts, end=FRIDAY)
    after = edited(before, MANAGER, accounts=accounts, classes={REST: "proposed"})
    assert [row.customer_class for row in after.rows] == ["key", None, None]
    with pytest.raises(errors.BadEdit):
        edited(before, MANAGER, accounts=accounts, classes={"A02": "proposed"})


def test_a_proposal_alone_is_no_part_of_what_is_approved() -> None:
    unproposed = [*ACCOUNTS[:3], account(4), account(5)]
    other = plan_of(unproposed, end=FRIDAY)
    assert other.computed_fingerprint() == drawn_up().computed_fingerprint()


def test_what_a_customer_is_handed_over_without_is_said_with_the_reason() -> None:
    accounts = [account(1, gaps=("contacts.channel",))]
    waive = (("A01", "contacts.channel"),)
    after = edited(
        plan_of(accounts),
        MANAGER,
        accounts=accounts,
        waive=waive,
        reason="廃止予定のため",
    )
    reader = Audience(words=words_for("ja"), name=str, currency="JPY")
    cells = [
        cell
        for table in list_parts(after, reader)
        for row in table.rows
        for n, cell in enumerate(row)
        if n in table.columns("terminal")
    ]
    assert "廃止予定のため" in cells
    assert any("contacts.channel" in cell for cell in cells)
