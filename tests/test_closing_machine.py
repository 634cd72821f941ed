"""Whatever is recorded in whatever order: a handover is closed only as a whole.

The mirror is read once, as nothing in it changes; every step is written to a ledger of
its own, with the time passed in.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from handover.answers.acceptances import Acceptance, Word, record_acceptance
from handover.answers.confirmations import Confirmation, record_confirmation
from handover.answers.remarks import Remark, record_remark
from handover.follow.waiving import OpenItems
from handover.jobs.closing import decide_close
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.report import MirrorFacts, hand_in, read_mirror_facts, read_report
from handover.jobs.workspace import Workspace, open_workspace
from handover.ledger.runs import Entry, Run, StepResult, begin, record_results
from handover.ledger.states import OPEN_STATES, Action, PlanState
from handover.plan import store
from handover.plan.claims import load_claiming
from handover.plan.errors import AlreadyPlanned, Closed, NotReported
from handover.plan.model import Plan
from handover.plan.questions import check_unclaimed
from handover.plan.running import check_under_way
from tests.conftest import SOAK
from tests.worlds.copies import copy_folder
from tests.worlds.files_folder import PLAN

ACCOUNTS = ("A1", "A2", "A3", "A4", "A5", "A6")
OTHER = "2027-03-another"
LOOSE = ("opportunities", "L1")
FIRST = dt.datetime.fromisoformat("2027-03-13T09:00+09:00")
CUSTOMER = st.sampled_from(ACCOUNTS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), CUSTOMER, st.booleans()),
        st.tuples(st.sampled_from(["miss", "accept", "return", "give"]), CUSTOMER),
        st.tuples(st.just("report")),
        st.tuples(st.just("settle")),
        st.tuples(st.just("close"), st.booleans()),
        st.tuples(st.just("claim")),
    ),
    min_size=4,
    max_size=14,
)


@dataclass
class Seen:
    """What should be known of one customer."""

    answered: set[str] = field(default_factory=set)
    is_missed: bool = False
    word: str | None = None
    is_given: bool = False


class Handover:
    """A plan that is being carried out, and what should be known of it."""

    def __init__(self, workspace: Workspace, facts: MirrorFacts) -> None:
        self.workspace, self.facts = workspace, facts
        self.seen = {account: Seen() for account in ACCOUNTS}
        self.at = FIRST
        self.runs = 0
        self.state = PlanState.APPROVED

    @contextmanager
    def step(self) -> Iterator[tuple[Connection, Plan]]:
        """Open a transaction of the next hour."""
        self.at += dt.timedelta(hours=1)
        with self.workspace.ledger.begin() as connection:
            yield connection, store.load(connection, PLAN)

    def take(self, name: str, *words: object) -> None:
        """Take a step; of a plan that is closed nothing is recorded any more."""
        is_record = name in ("answer", "miss", "accept", "return")
        if self.state is PlanState.CLOSED and is_record:
            with self.step() as (connection, plan), pytest.raises(Closed):
                check_under_way(connection, plan)
            return
        getattr(self, {"return": "give_back"}.get(name, name))(*words)

    def answer(self, account: str, is_all: bool) -> None:  # noqa: FBT001 - drawn
        musts = self.facts.questions[account].musts
        with self.step() as (connection, _):
            for item in musts if is_all else musts[:1]:
                made = Confirmation(
                    source="files",
                    plan_id=PLAN,
                    account_id=account,
                    item=item,
                    result="confirmed",
                    person="C1",
                    at=self.at,
                    recorded_by="S",
                    recorded_at=self.at,
                    actor="t",
                    rehearsed_on=self.at.date(),
                )
                record_confirmation(connection, made)
                self.seen[account].answered.add(item)
        self.seen[account].is_missed = False

    def miss(self, account: str) -> None:
        with self.step() as (connection, _):
            made = Remark(
                source="files",
                plan_id=PLAN,
                account_id=account,
                kind="missed",
                text="ill",
                at=self.at,
                recorded_by="S",
                recorded_at=self.at,
                actor="t",
                rehearsed_on=self.at.date(),
            )
            record_remark(connection, made)
        self.seen[account].is_missed = True

    def accept(self, account: str) -> None:
        self._say(account, "accepted")

    def give_back(self, account: str) -> None:
        self._say(account, "returned")

    def _say(self, account: str, word: Word) -> None:
        with self.step() as (connection, _):
            made = Acceptance(
                source="files",
                plan_id=PLAN,
                account_id=account,
                answer=word,
                recorded_by="S",
                recorded_at=self.at,
                actor="t",
                rehearsed_on=self.at.date(),
            )
            record_acceptance(connection, made)
        self.seen[account].word = word

    def give(self, account: str) -> None:
        """Let a run change an owner, with the opportunity that hangs on it."""
        if self.state is PlanState.CLOSED:
            return
        self.runs += 1
        moved = [(Action.ACCOUNT_OWNER, "accounts", account)]
        if account == "A1":
            moved.append((Action.OPPORTUNITY_OWNER, "opportunities", "O1"))
        run = Run(
            id=f"run-{self.runs}",
            kind="reassign",
            source="files",
            org_id="-",
            plan_id=PLAN,
            plan_version=2,
            actor="t",
            person_id="P",
            reason=None,
            started_at=self.at,
            rehearsed_on=self.at.date(),
        )
        entries = [
            Entry(
                n=n,
                source="files",
                account_id=account,
                action=action,
                object=name,
                record_id=record,
                field="owner_id",
                before="P",
                after="S",
                authority="plan",
            )
            for n, (action, name, record) in enumerate(moved, start=1)
        ]
        with self.step() as (connection, _):
            begin(connection, run, entries)
            done = {each.n: StepResult(outcome="done") for each in entries}
            record_results(connection, run.id, done, self.at)
        self.seen[account].is_given = True

    def settle(self) -> None:
        """Let everything go well with every customer."""
        for account in ACCOUNTS:
            self.take("answer", account, *[True])
            self.take("accept", account)
            self.take("give", account)

    def report(self) -> None:
        if self.state is not PlanState.APPROVED:
            return
        told = all(e.answered or e.is_missed for e in self.seen.values())
        with self.step() as (connection, plan):
            made = read_report(self.workspace, connection, plan, self.facts)
            assert (not made.unreported) == told
            if told:
                hand_in(self.workspace, connection, plan)
                self.state = PlanState.REPORTED

    def close(self, waives: bool) -> None:  # noqa: FBT001 - drawn
        expected = self.expect()
        waive = [f"{account}:{item}" for account, item in expected] if waives else []
        by = make_decision(self.workspace, "files", Grounds(reason="settled"))
        was, left = self.state, set[tuple[str, str]]()
        try:
            with self.step() as (connection, _):
                decide_close(self.workspace, connection, PLAN, self.facts, waive, by)
        except OpenItems as refused:
            left = {each.place for each in refused.items}
        except NotReported:
            assert was is PlanState.APPROVED
        else:
            assert was is PlanState.CLOSED or waives or not expected
            self.state = PlanState.CLOSED
        if left:
            assert (was, waives, left) == (PlanState.REPORTED, False, expected)

    def claim(self) -> None:
        """Let another plan take the same customers, where it may."""
        with self.step() as (connection, plan):
            other = plan.model_copy(
                update={"id": OTHER, "version": 1, "state": PlanState.DRAFT}
            )
            is_new = OTHER not in {each.id for each in store.load_all(connection)}
            if is_new:
                origin = store.Origin(cause="new", person="P", at=self.at)
                store.save_version(connection, other, origin)
            fresh = store.load(connection, OTHER)
            try:
                check_unclaimed(connection, fresh)
            except AlreadyPlanned:
                assert plan.state in OPEN_STATES
                assert any(not each.is_given for each in self.seen.values())
            else:
                store.set_state(connection, OTHER, PlanState.SUBMITTED, self.at)

    def expect(self) -> set[tuple[str, str]]:
        """Work out what is open, without the product."""
        found = {LOOSE}
        for account, seen in self.seen.items():
            asked = self.facts.questions[account]
            is_held = seen.answered and not seen.is_missed
            lacking = {*asked.musts} if is_held else {*asked.gaps, "visit"}
            lacking -= seen.answered
            lacking |= {"acceptance"} if seen.word != "accepted" else set()
            lacking |= set() if seen.is_given else {"owner"}
            found |= {(account, item) for item in lacking}
        return found

    def check(self) -> None:
        """Compare what the product says with what was done."""
        with self.workspace.ledger.read() as connection:
            plan = store.load(connection, PLAN)
            made = read_report(self.workspace, connection, plan, self.facts)
            claiming = load_claiming(connection)
        is_closed = plan.state is PlanState.CLOSED
        assert plan.state is self.state
        assert {e.place for e in made.open} == (set() if is_closed else self.expect())
        assert all(each.state is not PlanState.CLOSED for each in claiming)
        left = [r.account_id for each in claiming for r in each.rows if r.is_left]
        assert len(left) == len({*left})


def in_copy(template: Path, folder: Path) -> Workspace:
    """Take up a copy of the company whose plan is approved, as its manager."""
    copy_folder(template, folder)
    file = str(folder / "handover.toml")
    return open_workspace("en", config=file, as_of=FIRST.date(), as_user="M")


class Company:
    """The company whose plan is approved, and what its mirror tells; short to print."""

    def __init__(self, template: Path, facts: MirrorFacts) -> None:
        self.template, self.facts = template, facts


@pytest.fixture(scope="module")
def company(approved_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Company:
    workspace = in_copy(approved_files, tmp_path_factory.mktemp("facts") / "c")
    with workspace.ledger.read() as connection:
        plan = store.load(connection, PLAN)
    return Company(approved_files, read_mirror_facts(workspace, plan))


@settings(max_examples=200 if SOAK else 4, deadline=None, derandomize=not SOAK)
@given(steps=STEPS)
def test_a_plan_is_closed_as_a_whole_and_what_it_hands_over_belongs_to_one_plan(
    company: Company, steps: list[tuple[object, ...]]
) -> None:
    with TemporaryDirectory() as folder:
        workspace = in_copy(company.template, Path(folder) / "c")
        handover = Handover(workspace, company.facts)
        for name, *words in [*steps, ("settle",), ("report",), ("close", True)]:
            handover.take(str(name), *words)
            handover.check()
        assert handover.state is PlanState.CLOSED
