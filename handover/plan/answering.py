"""Put on record what customers answered to the dates of their visits.

That is nobody's decision: it makes no version, and no approval is lost by it. Whoever
visits may say so: predecessor, successor, manager.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from handover.answers.agreements import Agreement, Answer, record_agreement
from handover.i18n import Phrase
from handover.ledger.states import OVER_STATES
from handover.mirror.people import People
from handover.plan import errors
from handover.plan.deciders import check_reporter
from handover.plan.decision import Decision
from handover.plan.edits import Find
from handover.plan.model import Plan


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What customers answered; they are named as people type them, then by id."""

    agreed: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    reason: str | None = None
    """Why they declined."""

    @property
    def is_empty(self) -> bool:
        """Whether nobody answered."""
        return not (self.agreed or self.declined)

    def find_ids(self, account: Find) -> "Answers":
        """Replace names by ids, with what finds an account's."""
        return replace(
            self,
            agreed=tuple(map(account, self.agreed)),
            declined=tuple(map(account, self.declined)),
        )


def check_answers(plan: Plan, answers: Answers, person: str, people: People) -> None:
    """Refuse answers that nobody can have given, or that others have to report.

    Raises:
        WrongState: the plan is over.
        ReasonNeeded: nothing is said of why a date was declined.
        Contradiction: a customer is said to have agreed and declined.
        NotYours: the person neither visits nor manages.
    """
    if plan.state in OVER_STATES:
        raise errors.WrongState(plan=plan.id, state=plan.state.value, action="edit")
    if answers.declined and not answers.reason:
        raise errors.ReasonNeeded(option="--declined")
    for account in (*answers.agreed, *answers.declined):
        row = plan.row(account)
        if row is None:
            what = Phrase(text="object:accounts")
            raise errors.NotInPlan(plan=plan.id, kind=what, id=account)
        if account in answers.agreed and account in answers.declined:
            raise errors.Contradiction(account=row.account)
        check_reporter(plan, row, person, people)


def record_answers(
    connection: Connection,
    plan: Plan,
    accounts: Collection[str],
    answer: Answer,
    by: Decision,
) -> None:
    """Write the same answer of some customers, each to the date that it has now.

    Raises:
        NoVisit: a customer has no date that they could have answered to.
    """
    for account in accounts:
        row = plan.row(account)
        if row is None or row.visit is None:
            name = row.account if row is not None else account
            raise errors.NoVisit(plan=plan.id, account=name)
        made = Agreement(
            source=plan.source,
            plan_id=plan.id,
            account_id=account,
            answer=answer,
            date=row.visit.date,
            start=row.visit.start,
            reason=by.reason if answer == "declined" else None,
            at=by.at,
            by=by.person_id,
            recorded_at=by.at,
            rehearsed_on=by.rehearsed_on,
        )
        record_agreement(connection, made)
