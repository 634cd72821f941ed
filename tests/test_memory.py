"""The CRM in dictionaries: its clock, its judge, and what goes wrong when asked."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connectors.base import Capability, Create, Pull, SetField
from connectors.errors import NotPermitted, UnknownObject, Unreachable
from connectors.memory import MemoryCRM


def crm(count: int = 3, **options: object) -> MemoryCRM:
    rows = [{"id": f"a{n}", "owner_id": "u1"} for n in range(count)]
    return MemoryCRM({"accounts": rows, "users": []}, page_size=2, **options)  # type: ignore[arg-type]


def move(key: str, before: str | None = "u1", after: str | None = "u2") -> SetField:
    return SetField(
        object="accounts", id=key, field="owner_id", before=before, after=after
    )


def task(key: str = "handover:1") -> Create:
    return Create(
        object="tasks",
        key=key,
        key_field="handover_key",
        values={"subject": "訪問"},
        links={"account": "a1"},
    )


def changed_since(memory: MemoryCRM, request: Pull) -> dict[str, object]:
    rows = (row for page in memory.pull(request) for row in page.rows)
    return {str(row["id"]): row.get("is_deleted") for row in rows}


def test_changes_and_soft_deletes_come_with_the_next_pull_and_erasures_do_not() -> None:
    memory = crm(4)
    first = Pull(object="accounts", fields=("owner_id", "is_deleted"))
    (mark,) = {page.server_time for page in memory.pull(first)}
    memory.put("accounts", "a1", owner_id="u9")
    memory.delete("accounts", "a2")
    memory.erase("accounts", "a3")
    assert mark is not None
    later = Pull(
        object="accounts", fields=("is_deleted",), since=mark + timedelta(seconds=1)
    )
    assert changed_since(memory, later) == {"a1": None, "a2": "true"}
    assert list(memory.rows("accounts")) == ["a0", "a1"]


def test_a_changed_expectation_is_refused_and_told() -> None:
    memory = crm()
    memory.put("accounts", "a0", owner_id="u9")
    (outcome,) = memory.write([move("a0")])
    assert (outcome.state, outcome.code, outcome.message) == (
        "refused",
        "changed",
        "u9",
    )


def test_only_what_took_effect_is_committed() -> None:
    memory = crm()
    memory.faults.refuse = lambda change: (
        "LOCKED" if isinstance(change, SetField) and change.id == "a1" else None
    )
    states = [o.state for o in memory.write([move("a0"), move("a1"), move("a0")])]
    assert states == ["done", "refused", "done"]
    assert [commit.id for commit in memory.commits] == ["a0"]


@pytest.mark.parametrize(("fault", "count"), [("lose_before", 0), ("lose_after", 1)])
def test_a_lost_reply_is_lost_once(fault: str, count: int) -> None:
    memory = crm()
    setattr(memory.faults, fault, 1)
    assert memory.write([move("a0")])[0].state == "in_doubt"
    assert len(memory.commits) == count
    assert memory.write([move("a0")])[0].state == "done"
    assert len(memory.commits) == 1


def test_a_short_answer_leaves_the_rest_in_doubt_though_written() -> None:
    memory = crm()
    memory.faults.answer_only = 1
    states = [o.state for o in memory.write([move("a0"), move("a1"), move("a2")])]
    assert states == ["done", "in_doubt", "in_doubt"]
    assert len(memory.commits) == 3


def test_without_keys_a_second_create_is_a_second_record() -> None:
    memory = crm(capabilities=[Capability.WRITE])
    memory.write([task()])
    memory.write([task()])
    assert len(memory.rows("tasks")) == 2


def test_a_lagging_search_does_not_see_a_new_record() -> None:
    memory = crm()
    memory.write([task()])
    memory.faults.unseen.add("handover:1")
    assert memory.find([task()]) == {}
    memory.faults.unseen.clear()
    assert memory.find([task()])["handover:1"]["account_id"] == "a1"


def test_a_pull_can_break_off_and_be_resumed() -> None:
    memory = crm(6)
    memory.faults.unreachable_after = 2
    request = Pull(object="accounts", fields=("owner_id",))
    pages = memory.pull(request)
    next(pages)
    cursor = next(pages).cursor
    with pytest.raises(Unreachable):
        next(pages)
    memory.faults.unreachable_after = None
    rest = Pull(object="accounts", fields=(), resume=cursor)
    assert list(changed_since(memory, rest)) == ["a4", "a5"]


def test_what_is_hidden_is_not_read() -> None:
    memory = crm()
    memory.faults.hidden = {"users", ("accounts", "owner_id")}
    with pytest.raises(NotPermitted):
        memory.describe("users")
    schema = memory.describe("accounts")
    assert "owner_id" not in schema.fields
    assert schema.hidden == {"owner_id"}
    assert memory.read("accounts", ["a0"], ["owner_id"]) == {"a0": {"id": "a0"}}


def test_an_unknown_object_names_those_there_are() -> None:
    with pytest.raises(UnknownObject) as caught:
        crm().describe("account")
    assert caught.value.params["known"] == "accounts, users"


def test_an_owner_change_drops_the_team_where_the_crm_does() -> None:
    memory = crm(teams={"accounts": "account_team"})
    memory.put("account_team", "m1", record_id="a0", user_id="u3")
    memory.put("account_team", "m2", record_id="a1", user_id="u3")
    memory.write([move("a0")])
    assert list(memory.rows("account_team")) == ["m2"]


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_batches_are_of_one_object_and_not_too_long(sizes: list[int]) -> None:
    memory = crm(batch_size=4)
    changes = [
        SetField(object=f"o{n % 2}", id=str(i), field="f", before=None, after="x")
        for n, size in enumerate(sizes)
        for i in range(size)
    ]
    batches = list(memory.batches(changes))
    assert [change for batch in batches for change in batch] == changes
    assert all(len({c.object for c in batch}) == 1 for batch in batches)
    assert all(len(batch) <= 4 for batch in batches)


class FollowedByPulls(RuleBasedStateMachine):
    """Whoever pulls since the last mark, and sweeps, holds what the CRM holds."""

    ids = st.sampled_from(["a", "b", "c", "d", "e"])

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryCRM({"accounts": []}, page_size=2)
        self.copy: dict[str, object] = {}
        self.mark = self.memory.now

    @rule(key=ids, owner=st.sampled_from(["u1", "u2"]))
    def put(self, key: str, owner: str) -> None:
        self.memory.put("accounts", key, owner_id=owner, is_deleted=None)

    @rule(key=ids)
    def delete(self, key: str) -> None:
        if key in self.memory.rows("accounts"):
            self.memory.delete("accounts", key)

    @rule(key=ids)
    def erase(self, key: str) -> None:
        if key in self.memory.rows("accounts"):
            self.memory.erase("accounts", key)

    @rule(key=ids, lost=st.booleans())
    def write(self, key: str, lost: bool) -> None:  # noqa: FBT001
        self.memory.faults.lose_after = int(lost)
        self.memory.write([move(key)])
        self.memory.faults.lose_after = 0

    @rule()
    def follow(self) -> None:
        request = Pull(
            object="accounts", fields=("owner_id", "is_deleted"), since=self.mark
        )
        for page in self.memory.pull(request):
            assert page.server_time is not None
            self.mark = page.server_time
            for row in page.rows:
                self.copy[str(row["id"])] = row["owner_id"]
                if row["is_deleted"]:
                    del self.copy[str(row["id"])]
        there = {
            row["id"]
            for page in self.memory.identifiers("accounts")
            for row in page.rows
        }
        self.copy = {key: owner for key, owner in self.copy.items() if key in there}
        rows = self.memory.rows("accounts")
        assert self.copy == {key: row["owner_id"] for key, row in rows.items()}

    @invariant()
    def owners_changed_by_us_are_committed(self) -> None:
        for commit in self.memory.commits:
            assert isinstance(commit.change, SetField)
            assert commit.at <= self.memory.now


TestFollowedByPulls = FollowedByPulls.TestCase
