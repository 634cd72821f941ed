"""Writes to HubSpot that go wrong over HTTP; the portal's own record is the judge."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from connectors.base import Connector, SetField
from connectors.errors import RateLimited, Unreachable
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_replies import Answer, Call, error, limited
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import (
    GRANT,
    KEY,
    LOST,
    TURNED,
    Hurry,
    companies,
    moves,
    opened,
    sent,
    states,
    task,
    token_desk,
)

Spoil = Callable[[Answer], Answer]
GATEWAYS = [408, 500, 502, 504, 521, 524]
SPOILS = [faults.dropped, *LOST]


@pytest.fixture
def crm(portal: Portal, hurry: Hurry) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address, hurry)


@pytest.fixture
def keyed(portal: Portal) -> None:
    """Give the portal the unique property for our keys."""
    portal.define("tasks", KEY, unique=(KEY,))


def inputs(portal: Portal, when: str) -> list[int]:
    """Return how many inputs each call of a kind had."""
    calls = [call for call in portal.calls if when in call.path]
    return [len(call.body["inputs"]) for call in calls]


def written(portal: Portal) -> Counter[str]:
    """Count how often each record was written."""
    return Counter(key for _, key, _ in portal.commits)


# Lost replies: doubt, and no second call


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_lost_reply_leaves_doubt_and_no_second_call(
    portal: Portal, crm: Connector, spoil: Spoil
) -> None:
    keys = companies(portal, 3)
    portal.faults.append(faults.after_commit(portal, "batch/update", spoil))
    assert set(states(sent(crm, moves(keys)))) == {"in_doubt"}
    assert written(portal) == dict.fromkeys(keys, 1)


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_lost_task_is_never_sent_again_by_itself(
    portal: Portal, crm: Connector, spoil: Spoil
) -> None:
    (company,) = companies(portal, 1)
    portal.faults.append(faults.after_commit(portal, "tasks/batch/create", spoil))
    assert states(sent(crm, [task(company)])) == ["in_doubt"]
    assert set(crm.find([task(company)])) == {"handover:p:1"}
    assert len(portal.records["tasks"]) == 1


@pytest.mark.parametrize("status", GATEWAYS)
def test_a_gateway_says_nothing_of_a_write(
    portal: Portal, crm: Connector, status: int
) -> None:
    keys = companies(portal, 2)
    portal.faults.append(faults.once(Answer(status, faults.CLOUDFLARE), "batch/update"))
    assert set(states(sent(crm, moves(keys)))) == {"in_doubt"}
    assert not portal.commits


@pytest.mark.usefixtures("keyed")
def test_one_lost_call_of_ten_is_in_doubt_and_sent_once_with_all_its_links(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 1000)
    portal.faults.append(faults.after_commit(portal, "batch/upsert"))
    found = sent(crm, [task(key, f"handover:{key}") for key in keys])
    assert states(found) == ["in_doubt"] * 100 + ["done"] * 900
    assert all(portal.records["companies"][key].links.get("tasks") for key in keys)
    assert set(written(portal).values()) == {1}


# Turned away: again, whole; a lock in fewer


@pytest.mark.parametrize("answer", [a for _, a in TURNED.values()], ids=TURNED)
@pytest.mark.parametrize("when", ["batch/update", "batch/upsert", "associate/default"])
@pytest.mark.usefixtures("keyed")
def test_a_call_turned_away_is_sent_again_and_nothing_twice(
    portal: Portal, crm: Connector, answer: Answer, when: str
) -> None:
    keys = companies(portal, 5)
    portal.faults.append(faults.times(answer, when, 2))
    tasks = [task(key, f"handover:{key}") for key in keys]
    assert set(states(sent(crm, [*moves(keys), *tasks]))) == {"done"}
    assert list(written(portal).values()) == [1] * 10
    assert all(portal.records["companies"][key].links["tasks"] for key in keys)


def test_one_locked_record_is_tried_five_times_and_its_neighbours_once(
    portal: Portal, crm: Connector, hurry: Hurry
) -> None:
    keys = companies(portal, 100)

    def locked(call: Call) -> Answer | None:
        ids = [one.get("id") for one in call.body.get("inputs") or ()]
        if not call.path.endswith("batch/update") or keys[57] not in ids:
            return None
        return error(423, "LOCKED", "locked")

    portal.faults.append(locked)
    found = sent(crm, moves(keys))
    assert Counter(states(found)) == {"done": 99, "refused": 1}
    assert (found[57].code, found[57].message) == ("HTTP_423", "locked")
    tries = [c for c in portal.calls if keys[57] in str(c.body) and "update" in c.path]
    assert [len(call.body["inputs"]) for call in tries] == [100, 25, 6, 1, 1]
    assert hurry.skipped > 2 * 4 - 0.1  # "wait at least 2 seconds" each time
    assert written(portal) == dict.fromkeys([*keys[:57], *keys[58:]], 1)


LASTING = {
    "ten seconds": limited("TEN_SECONDLY_ROLLING"),
    "a second": limited("SECONDLY"),
    "no policy": Answer(429, {"message": "slow down"}),
    "a page": Answer(429, "<html>slow down</html>"),
    "a move": Answer(477, {"message": "migrating"}, {"Retry-After": "20"}),
    "the day": limited("DAILY"),
    "for a day": limited("SECONDLY", **{"Retry-After": "86400"}),
    "until": limited("", **{"Retry-After": "Tue, 02 Mar 2027 00:00:00 GMT"}),
}
AT_ONCE = ("the day", "for a day", "until")
"""Waiting for these is pointless, so there is no second call."""


@pytest.mark.parametrize("answer", LASTING.values(), ids=LASTING)
@pytest.mark.parametrize("when", ["batch/update", "batch/upsert", "associate/default"])
@pytest.mark.usefixtures("keyed")
def test_a_limit_that_lasts_leaves_a_batch_whole_and_unsent(
    portal: Portal, crm: Connector, hurry: Hurry, answer: Answer, when: str
) -> None:
    keys = companies(portal, 41)
    crm.describe("companies")
    fault = faults.times(answer, when, 10_000)
    portal.faults.append(fault)
    changes = [task(key, f"handover:{key}") for key in keys]
    found = sent(crm, moves(keys) if when == "batch/update" else changes)
    assert set(states(found)) == {"unsent"}
    assert {(o.code, type(o.error)) for o in found} == {("rate_limited", RateLimited)}
    expected = 1 if answer in [LASTING[name] for name in AT_ONCE] else 6
    assert inputs(portal, when) == [41] * expected
    assert hurry.skipped < 300
    calls = len(portal.calls)
    with pytest.raises(RateLimited):
        crm.read("companies", keys, ["name"])
    assert len(portal.calls) == calls


@pytest.mark.parametrize("name", ["for a day", "until"])
def test_a_pause_of_a_day_is_named_and_not_slept_through(
    portal: Portal, crm: Connector, hurry: Hurry, name: str
) -> None:
    portal.faults.append(faults.always(LASTING[name]))
    with pytest.raises(RateLimited) as error:
        crm.identify()
    assert "Retry-After: 2027-03-02 00:00 UTC" in str(error.value.params["detail"])
    assert hurry.skipped == 0


def test_a_pause_of_five_minutes_is_waited_for(
    portal: Portal, crm: Connector, hurry: Hurry
) -> None:
    keys = companies(portal, 3)
    answer = limited("SECONDLY", **{"Retry-After": "300"})
    portal.faults.append(faults.once(answer, "batch/update"))
    assert set(states(sent(crm, moves(keys)))) == {"done"}
    assert hurry.skipped == pytest.approx(300, abs=1)


@pytest.mark.usefixtures("keyed")
def test_what_went_before_a_limit_that_lasts_is_done_and_the_rest_is_unsent(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 250)
    seen = iter(range(2))

    def third_on(call: Call) -> Answer | None:
        ours = "batch/upsert" in call.path and next(seen, None) is None
        return limited("SECONDLY") if ours else None

    portal.faults.append(third_on)
    found = sent(crm, [task(key, f"handover:{key}") for key in keys])
    assert Counter(states(found)) == {"unsent": 250}
    assert len(written(portal)) == 200


def test_a_limit_on_reading_owners_is_no_refusal_of_a_change(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 2)
    portal.faults.append(faults.times(limited("SECONDLY"), "owners", 100))
    assert set(states(sent(crm, moves(keys)))) == {"unsent"}
    assert not portal.commits


def test_missing_scopes_are_not_guessed_while_a_limit_lasts(
    portal: Portal, crm: Connector
) -> None:
    portal.faults.append(faults.times(limited("SECONDLY"), "batch/update", 100))
    with pytest.raises(RateLimited):
        crm.prepare()


def test_the_end_of_the_day_stops_every_call(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 250)
    crm.describe("companies")
    crm.read("owners", ["7"], [])
    portal.faults.append(faults.times(limited("DAILY"), "batch/update", 100))
    before = len(portal.calls)
    assert set(states(sent(crm, moves(keys)))) == {"unsent"}
    with pytest.raises(RateLimited):
        crm.read("companies", keys, ["name"])
    assert len(portal.calls) == before + 1


# A bad input among good ones


def test_one_bad_input_of_a_hundred_leaves_the_others_done_in_few_calls(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 100)
    wrong = SetField(
        object="companies", id=keys[30], field="no_such", before=None, after="x"
    )
    found = crm.write([*moves(keys[:30]), wrong, *moves(keys[31:])])
    assert Counter(states(found)) == {"done": 99, "refused": 1}
    assert found[30].code == "VALIDATION_ERROR"
    assert "no_such" in str(found[30].message)
    assert written(portal) == dict.fromkeys([*keys[:30], *keys[31:]], 1)
    assert inputs(portal, "batch/update") == [100, *[25] * 4, *[6] * 4, *[1] * 7]


@pytest.mark.parametrize("status", [400, 404, 409, 415, 422])
@pytest.mark.usefixtures("keyed")
def test_one_bad_link_of_a_thousand_leaves_the_others_linked(
    portal: Portal, crm: Connector, status: int
) -> None:
    keys = companies(portal, 300)

    def strict(call: Call) -> Answer | None:
        spoilt = "associate/default" in call.path and keys[7] in str(call.body)
        return error(status, "VALIDATION_ERROR", "a bad id") if spoilt else None

    portal.faults.append(strict)
    found = sent(crm, [task(key, f"handover:{key}") for key in keys])
    assert Counter(states(found)) == {"done": 299, "refused": 1}
    assert "not linked" in str(found[7].message)
    assert sum(bool(r.links) for r in portal.living("tasks")) == 299
    assert set(written(portal).values()) == {1}


# Signing in


def test_a_token_that_is_taken_away_half_way_stops_with_what_is_certain(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 150)
    first, second = crm.batches(moves(keys))
    assert set(states(crm.write(first))) == {"done"}
    portal.token = "another"
    assert {outcome.code for outcome in crm.write(second)} == {"authentication_failed"}
    assert len(portal.commits) == 100


@pytest.mark.usefixtures("keyed")
def test_a_token_that_is_taken_away_between_tasks_and_links_leaves_doubt(
    portal: Portal, crm: Connector
) -> None:
    (key,) = companies(portal, 1)

    def revoke(answer: Answer) -> Answer:
        portal.token = "another"
        return answer

    portal.faults.append(faults.after_commit(portal, "batch/upsert", revoke))
    (found,) = sent(crm, [task(key)])
    assert (found.state, found.code) == ("unsent", "authentication_failed")
    portal.token = TOKEN
    assert states(sent(crm, [task(key)])) == ["done"]
    assert len(portal.records["tasks"]) == 1


@pytest.mark.usefixtures("keyed")
def test_a_token_that_ends_between_writes_is_renewed_and_nothing_is_sent_twice(
    portal: Portal, hurry: Hurry
) -> None:
    keys = companies(portal, 300)
    given = token_desk(portal, every=3)
    with serve(portal) as address:
        crm = opened(address, hurry, token=None, **GRANT)
        tasks = [task(key, f"handover:{key}") for key in keys]
        assert set(states(sent(crm, [*moves(keys), *tasks]))) == {"done"}
    assert len(given) > 3
    assert list(written(portal).values()) == [1] * 600


# The other side is not there


def test_a_call_that_never_left_is_no_doubt(portal: Portal, hurry: Hurry) -> None:
    keys = companies(portal, 2)
    with serve(portal) as address:
        crm = opened(address, hurry)
        crm.read("owners", ["7"], [])
        crm.describe("companies")
    assert {outcome.code for outcome in crm.write(moves(keys))} == {"unreachable"}
    with pytest.raises(Unreachable):
        crm.read("companies", keys, ["name"])
