"""Exactly once: intents, lost replies, refused rows, and what waits for what."""

import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Capability, Change, Create, Outcome, Row, SetField
from connectors.errors import FileInUse, Unreachable
from connectors.memory import MemoryCRM
from handover.errors import DiskFull
from handover.transfer import run_files
from handover.transfer.readings import FRESH
from handover.transfer.settle import release
from tests.worlds.memory_company import (
    Office,
    changes_of,
    handing_over,
    office,
    outcomes,
    plan,
    row,
    written,
)


class Between:
    """Stands between us and the CRM; tests replace single verbs."""

    def __init__(self, crm: MemoryCRM) -> None:
        self.crm = crm

    def __getattr__(self, name: str) -> object:
        return getattr(self.crm, name)


def through(place: Office, between: object) -> Office:
    place.connector = between  # type: ignore[assignment]
    return place


# Intent first


def test_no_write_leaves_before_its_intent_is_on_disk(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"

    class Strict(Between):
        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
                intents = connection.execute(
                    "select record_id, field, before, after, attempts from steps"
                    " where outcome = 'intent'"
                ).fetchall()
            connection.close()
            wanted = [
                (c.id, c.field, c.before, c.after, 1)
                for c in batch
                if isinstance(c, SetField)
            ]
            assert len(wanted) == 0 or sorted(intents) == sorted(wanted)
            return self.crm.write(batch)

    place = handing_over(tmp_path)
    run = through(place, Strict(place.crm)).reassign()
    assert run.error is None


# Lost replies


@pytest.mark.parametrize("nth", range(6))
@pytest.mark.parametrize("where", ["lose_before", "lose_after", "answer_only"])
@pytest.mark.every(2)
def test_a_lost_reply_ends_like_a_single_execution(
    tmp_path: Path, nth: int, where: str
) -> None:
    class Losing(Between):
        calls_made = 0

        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            if self.calls_made == nth:
                setattr(self.crm.faults, where, 1)
            self.calls_made += 1
            return self.crm.write(batch)

    place = handing_over(tmp_path)
    run = through(place, Losing(place.crm)).reassign()
    assert run.error is None
    assert run.counts["done"] == run.counts["planned"] == 18
    assert set(place.owners().values()) == {"S"}
    assert set(changes_of(place.crm).values()) == {1}


def test_a_lost_publication_makes_each_task_once(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.faults.lose_after = 1
    run = place.publish()
    assert {e.code for e in run.entries} == {"settled"}
    assert set(changes_of(place.crm).values()) == {1}


def test_a_count_of_results_that_does_not_fit_is_doubt(tmp_path: Path) -> None:
    class Short(Between):
        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            return self.crm.write(batch)[:-1]

    place = handing_over(tmp_path)
    run = through(place, Short(place.crm)).reassign()
    assert run.counts["done"] == 18
    assert {e.code for e in run.entries} == {"settled"}
    assert set(changes_of(place.crm).values()) == {1}


def unkeyed(folder: Path) -> Office:
    """A CRM without a unique field for our keys."""
    capabilities = set(Capability) - {Capability.KEYED_CREATES}
    place = office(folder, capabilities=capabilities)
    place.approve(plan([row(1)]))
    return place


def test_what_nobody_can_find_is_made_when_a_person_says_it_was_not_made(
    tmp_path: Path,
) -> None:
    place = unkeyed(tmp_path)
    place.crm.faults.lose_before = 1
    run = place.publish()
    assert {e.outcome for e in run.entries} == {"in_doubt"}
    run_id, now = str(run.run_id), place.site.clock()
    word = {"actor": "root", "reason": "looked for it"}
    early = release(place.ledger, run_id, now, word)
    assert (len(early.steps), len(early.left)) == (0, len(run.entries))
    assert {e.code for e in place.publish().entries} == {"still_in_doubt"}
    said = release(place.ledger, run_id, now + dt.timedelta(hours=1), word)
    assert (len(said.steps), len(said.left)) == (len(run.entries), 0)
    again = place.publish()
    assert again.counts["done"] == again.counts["planned"] == len(run.entries)
    assert set(changes_of(place.crm).values()) == {1}


def test_a_create_that_nobody_can_find_stays_in_doubt(tmp_path: Path) -> None:
    place = unkeyed(tmp_path)
    place.crm.faults.lose_after = 1
    keys = {e.key for e in place.rehearse("publish").entries}
    place.crm.faults.unseen |= {str(key) for key in keys}
    run = place.publish()
    assert {e.outcome for e in run.entries} == {"in_doubt"}
    assert (run.state, run.error and run.error.exit_code) == ("partial", 6)
    before = len(place.crm.commits)
    again = place.publish()
    assert {e.code for e in again.entries} == {"still_in_doubt"}
    assert len(place.crm.commits) == before
    place.crm.faults.unseen.clear()
    assert place.publish().counts["planned"] == 0
    assert {e.outcome for e in place.entries(run.run_id)} == {"done"}
    assert set(changes_of(place.crm).values()) == {1}


def test_a_create_that_did_not_take_effect_stays_in_doubt_without_a_key_field(
    tmp_path: Path,
) -> None:
    place = unkeyed(tmp_path)
    place.crm.faults.lose_before = 1
    run = place.publish()
    assert {e.outcome for e in run.entries} == {"in_doubt"}
    assert place.crm.commits == []


def test_what_follows_an_account_in_doubt_waits_for_the_next_run(
    tmp_path: Path,
) -> None:
    class Mute(Between):
        """Loses every reply, before the write, to accounts."""

        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            if batch[0].object == "accounts.csv":
                return [Outcome(state="in_doubt")] * len(batch)
            return self.crm.write(batch)

    place = handing_over(tmp_path, row(1))
    run = through(place, Mute(place.crm)).reassign()
    found = outcomes(run.entries)
    assert found["A01"] == "in_doubt:reply_lost"
    assert found["C01"] == "skipped:account_in_doubt"
    assert place.crm.commits == []
    place.connector = None
    assert place.reassign().counts["done"] == 6


def test_a_crm_that_goes_away_leaves_a_list_and_loses_nothing(tmp_path: Path) -> None:
    class Gone(Between):
        """Takes one batch, loses the reply, and is not heard of again."""

        gone = False

        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            self.gone = True
            self.crm.write(batch)
            raise Unreachable(source="memory", detail="cut")

        def read(
            self, name: str, ids: Sequence[str], fields: Sequence[str]
        ) -> Mapping[str, Row]:
            if self.gone:
                raise Unreachable(source="memory", detail="cut")
            return self.crm.read(name, ids, fields)

    place = handing_over(tmp_path)
    run = through(place, Gone(place.crm)).reassign()
    found = outcomes(run.entries)
    assert found["A01"] == "in_doubt:reply_lost"
    assert found["C01"] == "skipped:unreachable"
    assert run.error is not None
    assert run.error.exit_code == 6
    place.connector = None
    again = place.reassign()
    assert again.error is None
    assert {e.outcome for e in place.entries(run.run_id)} == {"done", "skipped"}
    assert set(changes_of(place.crm).values()) == {1}


def test_a_call_that_the_crm_does_not_take_is_refused_and_ends_the_run(
    tmp_path: Path,
) -> None:
    class Busy(Between):
        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            raise FileInUse(file=batch[0].object)

    place = handing_over(tmp_path)
    run = through(place, Busy(place.crm)).reassign()
    found = outcomes(run.entries)
    assert found["A01"] == "refused:file_in_use"
    assert found["C01"] == "skipped:file_in_use"
    assert run.error is not None
    assert (run.error.code, run.error.exit_code) == ("file_in_use", 7)
    place.connector = None
    assert place.reassign().counts["done"] == 18


# Refused rows


@settings(max_examples=8, deadline=None)
@given(refused=st.sets(st.sampled_from(["A01", "A02", "C01", "C02", "C03", "O03"])))
def test_refused_rows_are_named_and_a_rerun_sends_only_what_is_open(
    tmp_path_factory: pytest.TempPathFactory, refused: set[str]
) -> None:
    place = handing_over(tmp_path_factory.mktemp("place"))

    def rule(change: Change) -> str | None:
        stubborn = isinstance(change, SetField) and change.id in refused
        return "VALIDATION" if stubborn else None

    place.crm.faults.refuse = rule
    found = outcomes(place.reassign().entries)
    for record in refused:
        account_refused = f"A{record[1:]}" in refused and record[0] != "A"
        expected = (
            "skipped:account_not_done" if account_refused else "refused:VALIDATION"
        )
        assert found[record] == expected
    done = {record for record, how in found.items() if how == "done"}
    place.crm.faults.refuse = lambda _change: None
    again = place.reassign()
    assert again.error is None
    assert not done & {str(e.record_id) for e in again.entries}
    assert set(changes_of(place.crm).values()) == {1}
    assert set(place.owners().values()) == {"S"}


def test_an_edit_that_the_connector_notices_itself_is_drift(tmp_path: Path) -> None:
    class Racing(Between):
        """A person edits an account between our last read and the write."""

        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            if batch[0].object == "accounts.csv":
                self.crm.put("accounts.csv", "A02", owner_id="T")
            return self.crm.write(batch)

    place = handing_over(tmp_path)
    found = outcomes(through(place, Racing(place.crm)).reassign().entries)
    assert found["A02"] == "skipped:changed"
    assert place.owners()["A02"] == "T"


# Time


def test_a_batch_whose_reading_is_old_is_read_again(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.crm.batch_size = 1

    class Slow(Between):
        """Each call takes most of a reading's life; then a person edits A03."""

        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            place.clock.now += FRESH * 0.8
            if isinstance(batch[0], SetField) and batch[0].id == "A02":
                self.crm.put("accounts.csv", "A03", owner_id="T")
            return self.crm.write(batch)

    run = through(place, Slow(place.crm)).reassign()
    assert outcomes(run.entries)["A03"] == "skipped:changed"
    assert run.window_seconds is not None
    assert 0 < run.window_seconds <= FRESH.total_seconds()


def test_ctrl_c_stops_after_the_current_batch(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    place.stopped = lambda: len(place.crm.commits) >= 3
    run = place.reassign()
    assert (run.state, run.counts["done"]) == ("interrupted", 3)
    assert run.error is not None
    assert run.error.exit_code == 130
    assert outcomes(run.entries)["C01"] == "skipped:interrupted"
    assert sum(run.counts.values()) == 2 * run.counts["planned"]
    place.stopped = lambda: False
    assert place.reassign().error is None
    assert set(changes_of(place.crm).values()) == {1}


def test_sending_stops_before_the_journal_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = handing_over(tmp_path)
    monkeypatch.setattr(run_files, "RESERVE", 1 << 62)
    with pytest.raises(DiskFull):
        place.reassign()
    assert place.crm.commits == []
    monkeypatch.undo()
    assert place.reassign().counts["done"] == 18


# The sum is right


@settings(max_examples=10, deadline=None)
@given(
    drifted=st.sets(st.sampled_from(["A01", "A02", "C01", "R03"])),
    refused=st.sets(st.sampled_from(["A02", "C03", "O01", "K01"])),
    lost=st.sampled_from(["lose_before", "lose_after", "answer_only"]),
)
def test_the_sum_is_right_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory,
    drifted: set[str],
    refused: set[str],
    lost: str,
) -> None:
    place = handing_over(tmp_path_factory.mktemp("place"))
    names = {"A": "accounts.csv", "C": "contacts.csv", "R": "requests.csv"}
    for record in drifted:
        place.crm.put(names[record[0]], record, owner_id="T")
    setattr(place.crm.faults, lost, 1)
    place.crm.faults.refuse = lambda c: (
        "NO" if isinstance(c, SetField) and c.id in refused else None
    )
    run = place.reassign()
    counts = run.counts
    ended = ("done", "skipped", "refused", "in_doubt")
    assert counts["planned"] == len(run.entries) == sum(counts[name] for name in ended)
    assert (run.error is None) == (counts["done"] == counts["planned"])
    assert all(value in ("S", "created") for _, value in written(place.crm))


def test_run_ids_are_readable_and_unique(tmp_path: Path) -> None:
    place = handing_over(tmp_path)
    ids = [place.reassign().run_id, place.reassign().run_id]
    assert all(str(key).startswith("20270401-1200-reassign-") for key in ids)
    assert len(set(ids)) == 2


def test_keys_of_team_members_are_not_sent_twice_in_doubt(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1))

    class Losing(Between):
        def write(self, batch: Sequence[Change]) -> list[Outcome]:
            if isinstance(batch[0], Create):
                self.crm.faults.lose_after = 1
            return self.crm.write(batch)

    run = through(place, Losing(place.crm)).reassign()
    assert run.error is None
    assert len(place.crm.rows("account_team.csv")) == 3
    assert dt.timedelta(seconds=run.window_seconds or 0) < FRESH
