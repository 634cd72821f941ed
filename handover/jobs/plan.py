"""Drawing up plans, and reading them.

A plan is drawn up from names as people type them; here they become ids, the facts are
read and audited, and everything is kept in the ledger.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from handover.audit.engine import audit
from handover.audit.findings import scores
from handover.errors import AmbiguousName, UnknownName, UsageProblem
from handover.i18n import Phrase, Words
from handover.jobs.absences import read_calendars
from handover.jobs.deciding import find_maker
from handover.jobs.workspace import Workspace
from handover.ledger.states import OVER_STATES
from handover.mirror.contacts import NamedContact, read_contacts
from handover.mirror.find import (
    USER,
    account_finder,
    account_names,
    find_account,
    find_living,
    find_user,
)
from handover.mirror.people import Person
from handover.mirror.views import Mirror
from handover.plan import drafts, store
from handover.plan.build import PlanOrder
from handover.plan.calendars import list_company_days
from handover.plan.changes import Comparison, Drift, compare, list_drift
from handover.plan.dates import PlanDates
from handover.plan.decision import RecordedDecision
from handover.plan.edits import Edits
from handover.plan.errors import NotInPlan
from handover.plan.facts import read_facts, read_owners
from handover.plan.history import load_made
from handover.plan.model import Plan
from handover.plan.moves import Move
from handover.plan.moves_file import find_moves, read_moves
from handover.plan.page import plan_page
from handover.plan.plan_list import PlanList
from handover.plan.selection import PlanFacts
from handover.plan.setting import Setting
from handover.plan.view import Audience


@dataclass(frozen=True, kw_only=True)
class NewPlans:
    """What is to be drawn up: one move, or a file of them; names as they were typed."""

    predecessor: str | None = None
    successors: tuple[str, ...] = ()
    moves: Path | None = None
    dates: PlanDates = field(default_factory=PlanDates)
    absent: bool = False
    discard: bool = False
    """Drop what people decided on a draft that is drawn up again."""
    soon: bool = False
    absences: tuple[str, ...] = ()
    """Calendar files, each with whose it is before a ``=`` where that is said."""

    def list_predecessors(self) -> list[str]:
        """List those who hand over, as they are named.

        Raises:
            BadMoves: the file of moves cannot be read.
        """
        if self.moves is None:
            return [self.predecessor or ""]
        lines = read_moves(self.moves).lines
        return list(dict.fromkeys(line.predecessor for line in lines))


@dataclass(frozen=True, kw_only=True)
class Planning:
    """One source, opened for planning."""

    mirror: Mirror
    setting: Setting

    def find_user(self, text: str) -> str:
        """Find a user's id by name."""
        return find_user(self.setting.people, text).id

    def make_orders(self, asked: NewPlans) -> list[PlanOrder]:
        """Make an order for each who hands over, with ids in place of names."""
        busy = tuple(read_calendars(self.setting, asked.absences))
        reorganisation = None
        if asked.moves is not None:
            moves = find_moves(
                read_moves(asked.moves),
                self.setting.people,
                account_finder(self.mirror),
            )
            reorganisation = f"{self.setting.as_of:%Y-%m}-{asked.moves.stem}"
        else:
            to = dict.fromkeys(map(self.find_user, asked.successors))
            own = [Move(successor_id=each) for each in to]
            moves = {self.find_user(asked.predecessor or ""): own}
        return [
            PlanOrder(
                predecessor=predecessor,
                moves=tuple(own),
                dates=asked.dates,
                absent=asked.absent,
                discard=asked.discard,
                soon=asked.soon,
                reorganisation=reorganisation,
                busy=busy,
            )
            for predecessor, own in moves.items()
        ]

    def find_ids(self, plan: Plan, edits: Edits) -> Edits:
        """Replace the names in edits of a plan by ids."""
        return edits.find_ids(partial(find_planned, self.mirror, plan), self.find_user)


def find_planned(mirror: Mirror, plan: Plan, text: str) -> str:
    """Find the id of a plan's account by its id or name.

    Raises:
        UnknownName, AmbiguousName: no account is named so, or several are.
        NotInPlan: it is in another one.
    """
    planned = {row.account_id for row in plan.rows}
    if text in planned:
        return text
    found = find_account(mirror, text)
    if found.id not in planned:
        what = Phrase(text="object:accounts")
        raise NotInPlan(plan=plan.id, kind=what, id=found.name or found.id)
    return found.id


@contextmanager
def open_planning(workspace: Workspace, source: str) -> Iterator[Planning]:
    """Open a source's mirror, audited, with its people and the policy."""
    generation = workspace.generation()
    with workspace.mirror(source) as mirror:
        judged = scores(audit(mirror, workspace.policy, workspace.as_of))

        def read(predecessor: str, others: Collection[str]) -> PlanFacts:
            return read_facts(mirror, predecessor, judged, others)

        setting = Setting(
            source=source,
            org_id=generation.sources[source]["org_id"],
            generation=generation.n,
            people=workspace.people(source),
            policy=workspace.policy,
            mapping=workspace.mapping(source),
            config=workspace.config,
            as_of=workspace.as_of,
            read_facts=read,
        )
        yield Planning(mirror=mirror, setting=setting)


def find_audience(workspace: Workspace, source: str, words: Words) -> Audience:
    """Return the words and names in which a source's plans and runs are shown."""
    people = workspace.people(source)
    return Audience(
        words=words,
        name=people.name,
        login=people.login_of,
        currency=workspace.config.money.currency,
        item=lambda code: workspace.policy.item_name(code, words),
        account=account_names(workspace.generation(), source),
        prepare=workspace.policy.plan.prepare,
        effects=workspace.side_effects(source),
    )


def add_contacts(
    workspace: Workspace, plans: Sequence[Plan], audience: Audience
) -> Audience:
    """Add to an audience whom some plans of one source meet, and how to reach them."""
    visits = (row.visit for plan in plans for row in plan.rows if row.visit)
    ids = [each for visit in visits for each in visit.contact_ids]
    if not ids:
        return audience
    with workspace.mirror(plans[0].source) as mirror:
        contacts = read_contacts(mirror, ids)
    return replace(
        audience, contact=lambda key: contacts.get(key) or NamedContact(name=key)
    )


# Reading


def list_plans(workspace: Workspace) -> list[Plan]:
    """List all plans as they stand, the oldest first."""
    with workspace.ledger.read() as connection:
        return store.load_all(connection)


def find_plan(workspace: Workspace, text: str) -> Plan:
    """Find a plan by its id or the beginning of it."""
    with workspace.ledger.read() as connection:
        return store.load(connection, store.find_plan(connection, text))


def find_version_seen(
    workspace: Workspace, plan: Plan, since: int | None = None
) -> Plan | None:
    """Find the version that people compare a plan with, if it has an earlier one.

    The last approved one before it, else the last submitted one, else the first.

    Args:
        workspace: where the plan is kept.
        plan: as it stands.
        since: the number of another version.

    Raises:
        UnknownName: there is no such version.
    """
    with workspace.ledger.read() as connection:
        if since is not None:
            return store.load(connection, plan.id, since)
        number = store.find_version_seen(connection, plan)
        return None if number is None else store.load(connection, plan.id, number)


def compare_versions(
    workspace: Workspace, plan: Plan, before: Plan | None, *, drift: bool = False
) -> Comparison:
    """Compare a plan with an earlier version, and say who changed what since.

    Args:
        workspace: where the plan is kept.
        plan: as it stands.
        before: the earlier version, if there is one.
        drift: compare it with the CRM as well.
    """
    drifted: list[Drift] = []
    if drift:
        with workspace.mirror(plan.source) as mirror:
            drifted = list(list_drift(plan, read_owners(mirror, plan)))
    if before is None:
        return compare(None, plan, drift=drifted)
    with workspace.ledger.read() as connection:
        made = load_made(connection, plan, before.version)
    return compare(before, plan, made, drifted)


def list_gone(workspace: Workspace, plan: Plan) -> list[str]:
    """List by name the customers still to be handed over whom the CRM has no more."""
    if plan.state in OVER_STATES:
        return []
    left = {row.account_id: row.account for row in plan.rows if row.is_left}
    there = find_living(workspace.generation(), plan.source, left)
    return [name for account, name in left.items() if account not in there]


def list_decisions(
    workspace: Workspace, plans: Iterable[Plan]
) -> dict[str, list[RecordedDecision]]:
    """List the decisions on plans, by plan, the oldest first."""
    with workspace.ledger.read() as connection:
        return {plan.id: store.list_decisions(connection, plan.id) for plan in plans}


def write_page(
    workspace: Workspace,
    plans: Sequence[Plan],
    audience: Audience,
    overview: Sequence[PlanList] = (),
) -> str:
    """Return the page of some plans of one source, with the decisions on them."""
    made = list_decisions(workspace, plans)
    audience = add_contacts(workspace, plans, audience)
    company = list_company_days(workspace.config, workspace.policy)
    zone = workspace.config.zone
    return plan_page(plans, made, audience, company, zone, overview)


# Drawing up


def draw_up(workspace: Workspace, asked: NewPlans) -> list[Plan]:
    """Draw up the plan of a predecessor, or all plans of a list of moves."""
    workspace.check_day()
    source = find_source(workspace, asked.list_predecessors())
    with (
        open_planning(workspace, source) as planning,
        workspace.ledger.begin() as connection,
    ):
        return drafts.draw_up(
            connection,
            planning.setting,
            planning.make_orders(asked),
            made_by=find_maker(workspace, source),
            at=workspace.now,
        )


def find_source(workspace: Workspace, predecessors: Sequence[str]) -> str:
    """Find the source that plans act on: that of the first predecessor who is known.

    Where several sources know the person, it is the one in which they own accounts.

    Raises:
        UnknownName: no source knows any of them.
        AmbiguousName: the only one fits several people, or owns accounts in several.
    """
    unfound: UsageProblem | None = None
    for predecessor in predecessors:
        try:
            return _find_source_of(workspace, predecessor)
        except (UnknownName, AmbiguousName) as error:
            unfound = unfound or error
    if unfound is not None and len(predecessors) == 1:
        raise unfound
    # A list of moves tells by itself who of its people is not found, line by line.
    return min(workspace.generation().sources)


def _find_source_of(workspace: Workspace, predecessor: str) -> str:
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
