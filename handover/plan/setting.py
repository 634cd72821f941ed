"""What plans are made of besides the ledger: one source as of today, its diaries."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handover.config import Config
from handover.ledger.states import PlanState
from handover.mirror.people import People
from handover.plan import store
from handover.plan.amendment import is_frozen
from handover.plan.build import seal
from handover.plan.calendars import list_company_days, read_calendars
from handover.plan.carried_out import find_given, find_visited
from handover.plan.claims import load_claiming
from handover.plan.model import Away, Plan
from handover.plan.scheduler.calendar import Calendars
from handover.plan.selection import PlanFacts
from handover.plan.terms import Circumstances
from handover.plan.visits import Ground
from handover.policy import Policy
from mappings.model import Mapping as CrmMapping


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One source as of today: what plans are made of besides the ledger."""

    source: str
    org_id: str
    generation: int
    people: People
    policy: Policy
    mapping: CrmMapping
    config: Config
    as_of: dt.date
    read_facts: Callable[[str, Collection[str]], PlanFacts]
    """Reads the facts of a predecessor, and of further accounts."""

    @property
    def rehearsed_on(self) -> dt.date | None:
        """Today, where it is a rehearsal; None in earnest."""
        return self.as_of if self.config.time.rehearsal else None

    def on_terms_of_now(self, plan: Plan) -> Plan:
        """Return a plan with the terms that it would be approved on now."""
        now = Circumstances(
            people=self.people, policy=self.policy, mapping=self.mapping
        )
        return seal(plan.model_copy(update={"terms": now.read_terms(plan)}))

    def read_calendars(
        self,
        persons: Iterable[str | None],
        others: Iterable[Plan],
        known: Sequence[Away],
    ) -> Calendars:
        """Read when some people can visit, beside other plans and known absences."""
        company = list_company_days(self.config, self.policy)
        return read_calendars(company, self.people, persons, others, known)


def read_ground(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    newcomers: Iterable[str],
    drawn: Iterable[Plan] = (),
) -> Ground:
    """Read what an edited plan is scheduled on, as of today.

    Args:
        connection: to the ledger.
        setting: the source as of today.
        plan: as it stands.
        newcomers: who may visit besides those it names.
        drawn: other plans that are about to be kept as drafts.
    """
    accounts = [row.account_id for row in plan.rows]
    facts = setting.read_facts(plan.predecessor, accounts)
    visited = find_visited(connection, plan, setting.as_of)
    claiming = {each.id: each for each in load_claiming(connection)}
    drafts = [*store.load_all(connection, {PlanState.DRAFT}), *drawn]
    linked = {each.id: each for each in drafts if _belong_together(plan, each)}
    others = [*(claiming | linked | {plan.id: _keep_frozen(plan, visited)}).values()]
    involved = (plan.predecessor, plan.manager, *plan.successors, *newcomers)
    return Ground(
        accounts={account.account_id: account for account in facts.accounts},
        policy=setting.policy,
        calendars=setting.read_calendars(involved, others, plan.absences),
        aside=facts.aside,
        portfolios=facts.portfolios,
        today=setting.as_of,
        name=setting.people.name,
        visited=visited,
        given=find_given(connection, plan),
    )


def _keep_frozen(plan: Plan, visited: Collection[str]) -> Plan:
    """Return a plan with what no edit moves alone: it fills people's days."""
    rows = tuple(r for r in plan.rows if is_frozen(r, visited))
    return plan.model_copy(update={"rows": rows})


def _belong_together(plan: Plan, other: Plan) -> bool:
    return plan.reorganisation is not None and (
        plan.reorganisation == other.reorganisation
    )
