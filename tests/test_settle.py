"""What reading decides about a write whose reply was lost."""

from connectors.base import Capability, Create, SetField
from connectors.memory import MemoryCRM
from handover.transfer.readings import held
from handover.transfer.settle import settle
from tests.worlds.files_folder import PLAN, Job

OWNER = SetField(object="a", id="1", field="owner_id", before="P", after="S")
TASK = Create(
    object="t", key="k", key_field="key", values={"s": "x"}, links={"account": "1"}
)


def crm(owner: str | None = "P", *, keyed: bool = True) -> MemoryCRM:
    capabilities = set(Capability) - (set() if keyed else {Capability.KEYED_CREATES})
    rows = {"a": [{"id": "1", "owner_id": owner}], "t": []}
    return MemoryCRM(rows, capabilities=capabilities)


def test_an_owner_is_known_by_its_value() -> None:
    (done,) = settle(crm("S"), [OWNER])
    assert done is not None
    assert (done.outcome, done.code) == ("done", "settled")
    assert settle(crm("P"), [OWNER]) == [None]
    (other,) = settle(crm("T"), [OWNER])
    assert other is not None
    assert (other.outcome, other.code) == ("skipped", "changed")


def test_a_record_that_is_gone_is_said_to_be() -> None:
    place = crm()
    place.erase("a", "1")
    (gone,) = settle(place, [OWNER])
    assert gone is not None
    assert (gone.outcome, gone.code) == ("skipped", "gone")


def test_a_task_is_known_by_its_key() -> None:
    place = crm()
    place.write([TASK])
    (done,) = settle(place, [TASK])
    assert done is not None
    assert (done.outcome, done.record_id) == ("done", "new-1")


def test_a_create_without_trace_may_be_sent_again_only_with_a_unique_key() -> None:
    assert settle(crm(), [TASK]) == [None]
    (doubt,) = settle(crm(keyed=False), [TASK])
    assert doubt is not None
    assert doubt.outcome == "in_doubt"


def test_nobody_is_on_a_team_twice() -> None:
    member = Create(object="t", key="k", key_field=None, values={"user": "T"})
    assert settle(crm(), [member]) == [None]


def test_a_task_whose_links_were_lost_is_sent_again() -> None:
    class Linkless(MemoryCRM):
        links: dict[str, str]

        def find(self, creates):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return {c.key: {"id": "7", "links": self.links} for c in creates}

    place = Linkless({"t": []})
    place.links = {}
    assert settle(place, [TASK]) == [None]
    place.links = {"account": "1"}
    (done,) = settle(place, [TASK])
    assert done is not None
    assert done.record_id == "7"


def test_values_are_compared_as_text() -> None:
    row = {"flag": True, "n": 3, "empty": " ", "Owner": {"Id": "5"}, "a.b": "x"}
    assert held(row, "flag") == "true"
    assert held(row, "n") == "3"
    assert held(row, "empty") is None
    assert held(row, "Owner.Id") == "5"
    assert held(row, "a.b") == "x"
    assert held(row, "missing.deep") is None


def test_a_day_that_comes_back_as_midnight_is_the_day() -> None:
    for text in ("2027-04-01T00:00:00Z", "2027-04-01T00:00:00.000+0000"):
        assert held({"due": text}, "due") == "2027-04-01"
    assert held({"due": "2027-04-01T09:00:00Z"}, "due") == "2027-04-01T09:00:00Z"


def test_where_nothing_is_in_doubt_nobody_has_to_say_anything(agreed: Job) -> None:
    assert agreed("plan", "publish", PLAN).code == 0
    assert agreed("runs", "settle", "last").code == 2  # a reason is needed
    ended = agreed("runs", "settle", "last", "--reason", "looked for them")
    assert ended.code == 0
    assert (ended.data["released"], ended.data["left"]) == ([], [])
