"""Drawing up plans, changing them, and deciding on them.

A plan is drawn up and changed from names as people type them; here they become ids, the
facts are read and audited, and everything is kept in the ledger.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from handover.audit.engine import audit
from handover.audit.findings import scores
from handover.errors import AmbiguousName, NoDecider, UnknownName
from handover.i18n import Words
from handover.jobs.workspace import Workspace
from handover.mirror.find import (
    USER,
    account_names,
    find_account,
    find_accounts,
    find_user,
)
from handover.mirror.people import Person
from handover.mirror.views import Mirror
from handover.plan import approval, drafts, store
from handover.plan.changes import Drift, drift
from handover.plan.drafts import PlanDates, PlanOrder, Setting
from handover.plan.edits import Amendments
from handover.plan.errors import BadMoves
from handover.plan.facts import read_facts, read_owners
from handover.plan.model import Plan
from handover.plan.moves import ALL, Line, Move, by_predecessor, read_moves
from handover.plan.selection import PlanFacts
from handover.plan.store import Decision
from handover.plan.view import Audience


@dataclass(frozen=True, kw_only=True)
class NewPlans:
    """What is to be drawn up: one move, or a file of them; names as they were typed."""

    predecessor: str | None = None
    successors: tuple[str, ...] = ()
    moves: Path | None = None
    dates: PlanDates = field(default_factory=PlanDates)
    absent: bool = False

    def first_predecessor(self) -> str:
        """Name the first who hands over.

        Raises:
            BadMoves: the file of moves names nobody.
        """
        if self.moves is None:
            return self.predecessor or ""
        lines = read_moves(self.moves)
        if not lines:
            raise BadMoves(file=self.moves.name, line=2, detail="-")
        return lines[0].predecessor


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """Why somebody decides, what shows it, and why another person types it."""

    reason: str | None = None
    evidence: Path | None = None
    on_behalf: str | None = None


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A plan as it stands now, and as it was before it was changed, if it was."""

    plan: Plan
    before: Plan | None = None


@dataclass(frozen=True, kw_only=True)
class Planning:
    """One source, opened for planning."""

    mirror: Mirror
    setting: Setting

    def user(self, text: str) -> str:
        """Find a user's id by name."""
        return find_user(self.setting.people, text).id

    def account(self, text: str) -> str:
        """Find an account's id by name."""
        return find_account(self.mirror, text).id

    def accounts(self, lines: Iterable[Line]) -> dict[str, str]:
        """Find the ids of all accounts that a list of moves names."""
        texts = [text for text in {line.account for line in lines} if text != ALL]
        found = find_accounts(self.mirror, texts)
        return {text: each.id for text, each in zip(texts, found, strict=True)}

    def orders(self, asked: NewPlans) -> list[PlanOrder]:
        """Find out who hands over to whom."""
        reorganisation = None
        if asked.moves is not None:
            lines = read_moves(asked.moves)
            moves = by_predecessor(
                lines, asked.moves.name, self.user, self.accounts(lines)
            )
            reorganisation = f"{self.setting.as_of:%Y-%m}-{asked.moves.stem}"
        else:
            to = dict.fromkeys(map(self.user, asked.successors))
            own = [Move(successor_id=each) for each in to]
            moves = {self.user(asked.predecessor or ""): own}
        return [
            PlanOrder(
                predecessor=predecessor,
                moves=tuple(own),
                dates=asked.dates,
                absent=asked.absent,
                reorganisation=reorganisation,
            )
            for predecessor, own in moves.items()
        ]

    def in_ids(self, plan: Plan, amendments: Amendments) -> Amendments:
        """Replace the names in amendments of a plan by ids."""
        planned = {row.account_id for row in plan.rows}

        def account(text: str) -> str:
            return text if text in planned else self.account(text)

        return amendments.in_ids(account, self.user)


@contextmanager
def open_planning(workspace: Workspace, source: str) -> Iterator[Planning]:
    """Open a source's mirror, audited, with its people and the policy."""
    generation = workspace.generation()
    with workspace.mirror(source) as mirror:
        judged = scores(audit(mirror, workspace.policy, workspace.as_of))

        def facts(predecessor: str, others: Collection[str]) -> PlanFacts:
            return read_facts(mirror, predecessor, judged, others)

        setting = Setting(
            source=source,
            org_id=generation.sources[source]["org_id"],
            generation=generation.n,
            people=workspace.people(source),
            policy=workspace.policy,
            config=workspace.config,
            as_of=workspace.as_of,
            facts=facts,
        )
        yield Planning(mirror=mirror, setting=setting)


def reader(workspace: Workspace, source: str, words: Words) -> Audience:
    """Know the words and names for showing a source's plans and runs."""
    return Audience(
        words=words,
        name=workspace.people(source).name,
        currency=workspace.config.money.currency,
        item=lambda code: workspace.policy.item_name(code, words),
        account=account_names(workspace.generation(), source),
        prepare=workspace.policy.plan.prepare,
        effects=workspace.side_effects(source),
    )


# Reading


def all_plans(workspace: Workspace) -> list[Plan]:
    """List all plans as they stand, the oldest first."""
    with workspace.ledger.read() as connection:
        return store.load_all(connection)


def find_plan(workspace: Workspace, text: str) -> Plan:
    """Find a plan by its id or the beginning of it."""
    with workspace.ledger.read() as connection:
        return store.load(connection, store.find_plan(connection, text))


def version_before(workspace: Workspace, plan: Plan) -> Plan | None:
    """Give the version before this one, if there is one."""
    if plan.version == 1:
        return None
    with workspace.ledger.read() as connection:
        return store.load(connection, plan.id, plan.version - 1)


def drift_since(workspace: Workspace, plan: Plan) -> list[Drift]:
    """List the accounts of a plan that others have changed in the CRM since."""
    with workspace.mirror(plan.source) as mirror:
        return list(drift(plan, read_owners(mirror, plan)))


# Drawing up and changing


def draw_up(workspace: Workspace, asked: NewPlans) -> list[Plan]:
    """Draw up the plan of a predecessor, or all plans of a list of moves."""
    source = source_of(workspace, asked.first_predecessor())
    with (
        open_planning(workspace, source) as planning,
        workspace.ledger.begin() as connection,
    ):
        return drafts.draw_up(
            connection,
            planning.setting,
            planning.orders(asked),
            made_by=_maker(workspace, source),
            at=workspace.now,
        )


def edit(workspace: Workspace, text: str, amendments: Amendments) -> Changed:
    """Amend a plan; what was approved has to be approved again."""
    source = find_plan(workspace, text).source
    with (
        open_planning(workspace, source) as planning,
        workspace.ledger.begin() as connection,
    ):
        before = store.load(connection, store.find_plan(connection, text))
        made = drafts.edit(
            connection,
            planning.setting,
            before,
            planning.in_ids(before, amendments),
            person=workspace.decider(source),
            at=workspace.now,
        )
        return Changed(plan=store.load(connection, made.id), before=before)


# Deciding


def submit(workspace: Workspace, text: str) -> Changed:
    """Hand a draft to the manager."""
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, text))
        people = workspace.people(found.source)
        by = _decision(workspace, found.source, Grounds())
        return Changed(plan=approval.submit(connection, found, by, people))


def approve(
    workspace: Workspace, text: str, amendments: Amendments, grounds: Grounds
) -> Changed:
    """Approve a submitted plan, with or without amendments."""
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, text))
        by = _decision(workspace, found.source, grounds)
        people, policy = workspace.people(found.source), workspace.policy
        approval.check_approver(found, "approve", by, people, policy)
        if amendments.is_empty:
            decided = approval.approve(connection, found, by, people, policy)
            return Changed(plan=decided)
        with open_planning(workspace, found.source) as planning:
            amended = drafts.edit_submitted(
                connection,
                planning.setting,
                found,
                planning.in_ids(found, amendments),
                person=by.person_id,
                at=by.at,
            )
        decided = approval.approve(connection, amended, by, people, policy)
        return Changed(plan=decided, before=found)


def reject(workspace: Workspace, text: str, reason: str) -> Changed:
    """Send a submitted plan back."""
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, text))
        by = _decision(workspace, found.source, Grounds(reason=reason))
        people = workspace.people(found.source)
        return Changed(
            plan=approval.reject(connection, found, by, people, workspace.policy)
        )


def void(workspace: Workspace, text: str, reason: str) -> Changed:
    """End a plan of which nothing has been carried out."""
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, text))
        by = _decision(workspace, found.source, Grounds(reason=reason))
        people = workspace.people(found.source)
        return Changed(plan=approval.void(connection, found, by, people))


def _decision(workspace: Workspace, source: str, grounds: Grounds) -> Decision:
    """Put together who decides, at which machine, why, and how we know.

    Raises:
        NoDecider: nobody is named.
    """
    actor, file = workspace.actor, grounds.evidence
    evidence = {"kind": "session"}
    if file is not None:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        evidence = {"kind": "file", "name": file.name, "sha256": digest}
    return Decision(
        person_id=workspace.decider(source),
        actor=actor.user,
        host=actor.host,
        tool_version=actor.tool_version,
        at=workspace.now,
        reason=grounds.reason,
        evidence=evidence,
        on_behalf=grounds.on_behalf,
    )


def _maker(workspace: Workspace, source: str) -> str | None:
    """Name who draws up a plan, if that is known; that decides nothing yet."""
    try:
        return workspace.decider(source)
    except NoDecider:
        return None


def source_of(workspace: Workspace, predecessor: str) -> str:
    """Find the source that a predecessor's plan acts on.

    Where several know the person, it is the one in which they own accounts.

    Raises:
        UnknownName: none does.
        AmbiguousName: they own accounts in several.
    """
    found: dict[str, Person] = {}
    unknown: UnknownName | None = None
    for source in sorted(workspace.generation().sources):
        try:
            found[source] = find_user(workspace.people(source), predecessor)
        except UnknownName as error:
            unknown = error
    if unknown is not None and not found:
        raise unknown
    owning = [s for s in found if len(found) > 1 and _owns(workspace, s, found[s])]
    chosen = owning or list(found)[:1]
    if len(chosen) > 1:
        named = (f"{source}:{found[source].id}" for source in chosen)
        raise AmbiguousName(kind=USER, name=predecessor, candidates=", ".join(named))
    return chosen[0]


def _owns(workspace: Workspace, source: str, person: Person) -> bool:
    with workspace.mirror(source) as mirror:
        query = "select 1 from accounts where owner_id = $owner limit 1"
        return bool(mirror.rows(query, owner=person.id))
