"""The list of steps: its order, its waves, what a step says of itself."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Create, SetField
from handover.ledger.states import Action
from handover.transfer.steps import Step, UndoOf, in_order, label, waves

UNDO = UndoOf(run_id="r1", plan_id="p1", person_id="M")


def step(action: Action, account: str, record: str, field: str = "owner_id") -> Step:
    change = SetField(object="o", id=record, field=field, before="P", after="S")
    return Step(
        source="memory",
        account_id=account,
        action=action,
        change=change,
        authority=UNDO,
    )


STEPS = st.builds(
    step,
    st.sampled_from(list(Action)),
    st.sampled_from(["A1", "A2", "A3"]),
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from(["owner_id", "second"]),
)


@given(st.lists(STEPS, max_size=30))
def test_the_order_does_not_depend_on_how_steps_were_found(found: list[Step]) -> None:
    assert in_order(found) == in_order(reversed(found))


@given(st.lists(STEPS, max_size=30))
def test_steps_are_numbered_from_one_and_waves_keep_all_of_them(
    found: list[Step],
) -> None:
    listed = in_order(found)
    assert [each.n for each in listed] == list(range(1, len(found) + 1))
    assert [each for wave in waves(listed) for each in wave] == list(listed)


@given(st.sets(st.tuples(st.sampled_from(list(Action)), st.sampled_from("123"))))
def test_accounts_come_first_and_our_tasks_last(
    found: set[tuple[Action, str]],
) -> None:
    listed = in_order(step(action, "A1", record) for action, record in found)
    order = [list(Action).index(each.action) for each in listed]
    assert order == sorted(order)


def test_no_record_stands_twice_in_a_wave() -> None:
    twice = [
        step(Action.OWNER_FIELD, "A1", "1", field) for field in ("second", "third")
    ]
    assert [len(wave) for wave in waves(in_order(twice))] == [1, 1]


def test_a_create_shows_its_key_in_place_of_values() -> None:
    change = Create(object="t", key="k", key_field="f", values={"a": "b"})
    made = Step(
        source="memory",
        account_id="A1",
        action=Action.CREATE_TASK,
        change=change,
        authority=UNDO,
    )
    assert (made.key, made.record_id, made.field, made.before, made.after) == (
        "k",
        None,
        None,
        None,
        None,
    )


def test_an_undo_names_the_run_that_it_takes_back() -> None:
    assert label(UNDO) == "undo:r1"
