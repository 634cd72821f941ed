"""Writing to Salesforce over real HTTP: what was sent is there once, or in doubt."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import responses

from connectors.base import Capability, Change, Create, Pull, SetField
from connectors.salesforce.crm import SalesforceCRM
from tests.worlds.salesforce import KEY, Answer, error
from tests.worlds.small_org import (
    CLIENT,
    Clock,
    Company,
    after_commit,
    connected,
    once,
    opened,
)

DROPPED = Answer(200, "", drop=True)


@pytest.fixture
def org() -> Company:
    return Company()


@pytest.fixture
def crm(org: Company) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


def test_owner_changes_go_out_two_hundred_a_call(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(450)
    calls = crm.calls
    sent = [o for batch in crm.batches(org.moves(keys)) for o in crm.write(batch)]
    assert {o.state for o in sent} == {"done"}
    assert org.owners(keys) == {org.tanaka}
    assert crm.calls - calls == 3
    assert len(org.commits) == 450


def test_a_call_holds_at_most_ten_runs_of_a_type(crm: SalesforceCRM) -> None:
    changes = [
        SetField(
            object=f"Thing{n % 12}",
            id=f"id{n}",
            field="OwnerId",
            before=None,
            after="x",
        )
        for n in range(24)
    ]
    assert [len(batch) for batch in crm.batches(changes)] == [10, 10, 4]


def test_what_hangs_on_one_account_goes_out_in_one_call(crm: SalesforceCRM) -> None:
    changes = [
        SetField(
            object="Contact",
            id=f"003-{account}-{n}",
            field="OwnerId",
            before=None,
            after="005",
            account=f"001-{account:03}",
        )
        for account in range(90)
        for n in range(7)
    ]
    batches = list(crm.batches(changes))
    assert [change for batch in batches for change in batch] == changes
    assert [len(batch) for batch in batches] == [196, 196, 196, 42]
    large = [replace(change, account="001-1") for change in changes]
    assert [len(batch) for batch in crm.batches(large)] == [200, 200, 200, 30]


def test_one_record_stands_in_a_call_only_once(
    org: Company, crm: SalesforceCRM
) -> None:
    moves = org.moves(["001a", "001b", "001a"])
    assert [len(batch) for batch in crm.batches(moves)] == [2, 1]


def test_updates_and_creates_go_out_apart_and_in_order(
    org: Company, crm: SalesforceCRM
) -> None:
    move, task = org.moves(["001a"])[0], org.task("001a")
    plain = org.task("001a", None)
    changes: list[Change] = [move, task, plain, move]
    assert [list(b) for b in crm.batches(changes)] == [[c] for c in changes]


def test_yes_and_no_go_out_as_such_and_words_that_look_so_as_words(
    org: Company, crm: SalesforceCRM
) -> None:
    (key,) = org.accounts(1)
    org.define("Account", "IsCustomer__c", "Answer__c")
    org.fields["Account"]["IsCustomer__c"]["type"] = "boolean"
    for field, sent in (("IsCustomer__c", True), ("Answer__c", "true")):
        change = SetField(
            object="Account", id=key, field=field, before=None, after="true"
        )
        assert [o.state for o in crm.write([change])] == ["done"]
        assert org.records["Account"][key][field] is sent or sent == "true"
        assert org.commits[-1][2] == {field: sent}


def test_a_refused_record_has_the_orgs_own_words(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(3)
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    org.refuse = lambda _kind, record: code if record.get("id") == keys[1] else None
    outcomes = crm.write(org.moves(keys))
    assert [o.state for o in outcomes] == ["done", "refused", "done"]
    assert outcomes[1].code == code
    assert outcomes[1].message == f"{code} in the org's own words"
    assert len(org.sent("composite")) == 1  # a permanent refusal is not tried again


def test_reading_asks_for_nothing_that_is_hidden_or_worked_out(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(2)
    org.hide("Account", "Phone")
    fields = ["Name", "Phone", "url", "OwnerId"]
    found = crm.read("Account", keys, fields)
    assert [set(row) for row in found.values()] == [{"Name", "OwnerId"}] * 2


def test_an_inactive_successor_is_refused_for_each_record(
    org: Company, crm: SalesforceCRM
) -> None:
    (key,) = org.accounts(1)
    change = SetField(
        object="Account", id=key, field="OwnerId", before=org.sato, after=org.gone
    )
    (outcome,) = crm.write([change])
    assert (outcome.state, outcome.code) == ("refused", "INACTIVE_OWNER_OR_USER")


def test_a_locked_record_is_sent_again_alone_in_ever_smaller_calls(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(40)
    locked = dict.fromkeys(keys[:20], 3)

    def refuse(_kind: str, record: dict[str, Any]) -> str | None:
        left = locked.get(record["id"], 0)
        locked[record["id"]] = left - 1
        return "UNABLE_TO_LOCK_ROW" if left > 0 else None

    org.refuse = refuse
    assert {o.state for o in crm.write(org.moves(keys))} == {"done"}
    assert sorted(key for _, key, _ in org.commits) == keys
    sizes = [len(call.body["records"]) for call in org.sent("composite")]
    assert sizes == [40, 10, 10, 5, 5, 5, 5, *[2] * 10]


def test_a_record_that_stays_locked_is_refused_after_five_more_attempts(
    org: Company,
) -> None:
    keys, clock = org.accounts(1), Clock()
    org.refuse = lambda _kind, _record: "UNABLE_TO_LOCK_ROW"
    with connected(org, clock=clock) as crm:
        (outcome,) = crm.write(org.moves(keys))
    assert (outcome.state, outcome.code) == ("refused", "UNABLE_TO_LOCK_ROW")
    assert len(org.sent("composite")) == 6
    assert clock.now == 0.25 + 0.5 + 1 + 2 + 4  # a lock needs time to go away


@pytest.mark.parametrize(
    "answer",
    [
        DROPPED,
        Answer(502, "<html>bad gateway</html>"),
        Answer(500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "x"}]),
        Answer(200, [{"id": "001000000000000AAA", "success": True, "errors": []}]),
        Answer(200, "[{truncated"),
        Answer(200, [{"id": "x", "success": True}] * 3, cut=9),
        Answer(200, {"success": True}),
        Answer(200, [{"id": "001x", "success": True, "errors": []}] * 4),
        Answer(200, [{"success": True, "errors": []}] * 3),
        Answer(200, [{"errors": []}] * 3),
        Answer(200, [None] * 3),
    ],
    ids=[
        "dropped",
        "502",
        "500",
        "short",
        "no json",
        "truncated",
        "no list",
        "too long",
        "no ids",
        "no verdict",
        "nothing",
    ],
)
def test_a_reply_that_tells_nothing_leaves_the_batch_in_doubt(
    org: Company, crm: SalesforceCRM, answer: Answer
) -> None:
    keys = org.accounts(3)
    org.faults.append(after_commit(org, answer))
    assert {o.state for o in crm.write(org.moves(keys))} == {"in_doubt"}
    assert len(org.commits) == 3  # not sent again
    assert org.owners(keys) == {org.tanaka}


def test_results_in_another_order_leave_the_batch_in_doubt(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(2)
    swapped = [{"id": k, "success": True, "errors": []} for k in reversed(keys)]
    org.faults.append(after_commit(org, Answer(200, swapped)))
    assert {o.state for o in crm.write(org.moves(keys))} == {"in_doubt"}


def test_a_reply_lost_before_the_commit_is_in_doubt_and_not_sent_again(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(3)
    org.faults.append(once(DROPPED, "composite"))
    assert {o.state for o in crm.write(org.moves(keys))} == {"in_doubt"}
    assert org.commits == []
    assert len(org.sent("composite")) == 1


@pytest.mark.parametrize(
    "answer",
    [
        error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
        Answer(429, ""),
        Answer(406, "<html></html>"),
    ],
)
def test_what_was_turned_away_at_the_door_is_sent_again(
    org: Company, crm: SalesforceCRM, answer: Answer
) -> None:
    keys = org.accounts(2)
    org.faults.append(once(answer, "composite"))
    assert {o.state for o in crm.write(org.moves(keys))} == {"done"}
    assert len(org.commits) == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (error(400, "JSON_PARSER_ERROR", "unexpected"), "JSON_PARSER_ERROR"),
        (Answer(431, "<html></html>"), "HTTP_431"),
    ],
)
def test_a_refused_call_is_a_refusal_of_each_record(
    org: Company, crm: SalesforceCRM, answer: Answer, code: str
) -> None:
    keys = org.accounts(2)
    org.faults.append(once(answer, "composite"))
    outcomes = crm.write(org.moves(keys))
    assert [(o.state, o.code) for o in outcomes] == [("refused", code)] * 2
    assert len(org.sent("composite")) == 1


def test_after_the_end_of_the_day_nothing_leaves(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(2)
    over = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    org.faults.append(lambda _call: over)
    for _ in range(2):
        found = {(o.state, o.code) for o in crm.write(org.moves(keys))}
        assert found == {("unsent", "rate_limited")}
    assert len(org.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, "<html>slow down</html>"),
        error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
    ],
)
def test_a_limit_that_lasts_leaves_a_batch_whole_and_unsent(
    org: Company, crm: SalesforceCRM, answer: Answer
) -> None:
    keys = org.accounts(41)
    org.faults.append(lambda _call: answer)
    found = {(o.state, o.code) for o in crm.write(org.moves(keys))}
    assert found == {("unsent", "rate_limited")}
    assert {len(call.body["records"]) for call in org.sent("composite")} == {41}
    assert len(org.sent("composite")) <= 6
    assert not org.commits


def test_a_case_stays_with_its_new_owner_also_after_a_renewed_session(
    org: Company,
) -> None:
    case = org.add("Case", Subject="x", OwnerId=org.sato)
    with connected(org, **CLIENT) as crm:
        crm.identify()
        org.tokens, org.token = ["renewed"], "expired"
        crm.write(org.moves([case], "Case"))
    assert org.records["Case"][case]["OwnerId"] == org.tanaka


@pytest.mark.parametrize("allow", [True, False])
def test_alerting_duplicate_rules_are_passed_only_if_so_configured(
    org: Company, *, allow: bool
) -> None:
    with connected(org, allow_duplicates=allow) as crm:
        crm.write(org.moves(org.accounts(1)))
    (call,) = org.sent("composite")
    said = call.headers.get("sforce-duplicate-rule-header")
    assert said == ("allowSave=true" if allow else None)
    assert call.headers["sforce-auto-assign"] == "FALSE"


# Tasks


def test_a_task_is_created_once_however_often_it_is_sent(
    org: Company, crm: SalesforceCRM
) -> None:
    (account,) = org.accounts(1)
    create = org.task(account)
    org.faults.append(after_commit(org, DROPPED))
    first, again = crm.write([create]), crm.write([create])
    assert [first[0].state, again[0].state] == ["in_doubt", "done"]
    assert len(org.records["Task"]) == 1
    found = crm.find([create])[create.key]
    assert (found["id"], found["links"]) == (again[0].id, {"account": account})
    assert Capability.KEYED_CREATES in crm.capabilities


def test_a_task_hangs_on_the_opportunity_and_the_person(
    org: Company, crm: SalesforceCRM
) -> None:
    links = {"account": "001a", "opportunity": "006a", "contact": "003a"}
    create = Create(
        object="Task", key="handover:p:9", key_field=KEY, values={}, links=links
    )
    crm.write([create])
    (task,) = org.records["Task"].values()
    assert (task["WhatId"], task["WhoId"]) == ("006a", "003a")
    assert crm.find([create])["handover:p:9"]["links"] == links


def test_two_thousand_tasks_are_found_in_one_call(
    org: Company, crm: SalesforceCRM
) -> None:
    (account,) = org.accounts(1)
    creates = [org.task(account, n=n) for n in range(2000)]
    written = [o for batch in crm.batches(creates) for o in crm.write(batch)]
    assert {o.state for o in written} == {"done"}
    calls = crm.calls
    assert len(crm.find(creates)) == 2000
    assert crm.calls - calls == 1


@pytest.mark.parametrize("field_is", ["hidden", "not mapped"])
def test_without_a_key_field_a_task_is_found_by_its_mark(
    org: Company, field_is: str
) -> None:
    (account,) = org.accounts(1)
    if field_is == "hidden":
        org.hide("Task", KEY)
    create = org.task(account, KEY if field_is == "hidden" else None)
    task_key = KEY if field_is == "hidden" else None
    with connected(org, task_key=task_key) as crm:
        assert Capability.KEYED_CREATES not in crm.capabilities
        assert not crm.find([create])
        org.faults.append(after_commit(org, DROPPED))
        assert crm.write([create])[0].state == "in_doubt"
        assert crm.find([create])[create.key]["links"] == {"account": account}
        assert not crm.find([org.task(account, create.key_field, n=2)])
        missing = (f"Task.{KEY}",) if field_is == "hidden" else ()
        assert crm.prepare() == missing
    (task,) = org.records["Task"].values()
    assert task["Description"] == "[handover:p:1]"


def test_the_key_field_has_to_be_unique(org: Company) -> None:
    org.fields["Task"][KEY]["unique"] = False
    with connected(org) as crm:
        assert crm.prepare(create=True) == (f"Task.{KEY}",)


def test_nothing_is_missing_where_the_key_field_is_there(crm: SalesforceCRM) -> None:
    assert crm.prepare() == ()


def test_our_key_is_read_back_from_field_or_text(
    org: Company, crm: SalesforceCRM
) -> None:
    (account,) = org.accounts(1)
    crm.write([org.task(account), org.task(account, n=2)])
    org.add("Task", Description="Bitte\n\n[handover:p:3]", WhatId=account)
    org.add("Task", Description="[something else]", WhatId=account)
    found = [
        row["handover_key"]
        for page in crm.pull(Pull(object="Task", fields=("handover_key",)))
        for row in page.rows
    ]
    keys = ["handover:p:1", "handover:p:2", "handover:p:3", None]
    assert found == keys


# Teams


def test_members_come_back_as_they_were(org: Company, crm: SalesforceCRM) -> None:
    account, other = org.accounts(2)
    member = org.add(
        "AccountTeamMember",
        AccountId=account,
        UserId=org.tanaka,
        TeamMemberRole="技術担当",
        AccountAccessLevel="Edit",
        CaseAccessLevel="Read",
    )
    (kept,) = crm.members("Account", [account, other])
    assert (kept.id, kept.record_id) == (member, account)
    crm.write(org.moves([account]))
    assert not crm.find([kept.again])
    for _ in range(2):
        (outcome,) = crm.write([kept.again])
        assert outcome.state == "done"
    back = [r for r in org.records["AccountTeamMember"].values() if not r["IsDeleted"]]
    assert len(back) == 1
    assert (back[0]["TeamMemberRole"], back[0]["CaseAccessLevel"]) == (
        "技術担当",
        "Read",
    )
    assert set(crm.find([kept.again])) == {kept.again.key}


def test_an_org_without_teams_has_no_members(org: Company, crm: SalesforceCRM) -> None:
    assert not crm.members("Opportunity", ["006a"])
    assert not crm.members("Contact", ["003a"])


@responses.activate
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("body", ["", "null", "[]", '["x"]', '{"a": 1}', "<html/>"])
def test_odd_bodies_end_in_an_outcome_for_each_change(
    org: Company, status: int, body: str
) -> None:
    crm = opened("https://example.my.salesforce.com", org, task_key=None)
    url = "https://example.my.salesforce.com/services/data/v64.0/composite/sobjects"
    responses.add(responses.PATCH, url, body=body, status=status)
    states = {o.state for o in crm.write(org.moves(["001a", "001b"]))}
    assert states == ({"refused"} if status == 400 else {"in_doubt"})


@pytest.mark.parametrize(
    ("answer", "code", "exit_code"),
    [
        (Answer(429, "<html>slow down</html>"), "rate_limited", 7),
        (
            error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
            "rate_limited",
            7,
        ),
        (
            error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            "rate_limited",
            7,
        ),
        (error(403, "API_CURRENTLY_DISABLED", "maintenance"), "unreachable", 7),
        (error(403, "TXN_SECURITY_METERING_ERROR", "metered"), "missing_right", 4),
    ],
)
def test_what_is_refused_whatever_the_change_is_unsent_and_ends_the_run(
    org: Company, crm: SalesforceCRM, answer: Answer, code: str, exit_code: int
) -> None:
    """No record is called refused for a limit that others use up."""
    keys = org.accounts(41)
    org.faults.append(lambda call: answer if "composite" in call.path else None)
    outcomes = crm.write(org.moves(keys))
    assert {(o.state, o.code) for o in outcomes} == {("unsent", code)}
    assert {o.error.exit_code for o in outcomes if o.error} == {exit_code}
    assert len(org.sent("composite")) <= 6
    assert org.owners(keys) == {org.sato}


def test_a_limit_among_locked_records_is_not_asked_for_each_of_them(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(8)
    org.refuse = lambda _kind, _record: "UNABLE_TO_LOCK_ROW"
    busy = Answer(429, "<html>slow down</html>")
    passed = iter(range(1))
    org.faults.append(
        lambda call: (
            busy if "composite" in call.path and next(passed, None) is None else None
        )
    )
    outcomes = crm.write(org.moves(keys))
    assert [o.state for o in outcomes] == ["unsent"] * 4 + ["refused"] * 4
    assert len(org.sent("composite")) <= 6
