"""Writing what customers answered: at once where that can be, else by a later run."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from handover.answers.confirmations import list_confirmations
from handover.errors import KNOWN_ERRORS, KnownError
from handover.i18n import words_for
from handover.jobs.transfer import Manner, Transferred, Work, open_work
from handover.jobs.workspace import Workspace
from handover.ledger import seals
from handover.ledger.states import UNTIL_OVER
from handover.plan import store
from handover.plan.model import Plan
from handover.transfer.answering import AnswersAsked, prepare_answers
from handover.transfer.prepare import Prepared

ASKING = ("corrected", "unknown")
"""Results that ask for something in the CRM."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A run that wrote what was answered; ``waits`` says why there was none."""

    run: Transferred | None = None
    waits: KnownError | None = None


def write_answers(
    workspace: Workspace,
    plan_id: str,
    source: str,
    manner: Manner,
    accounts: Collection[str] = (),
) -> Transferred:
    """Write what the answers of a plan's customers ask for: corrections and tasks.

    Args:
        workspace: the working folder.
        plan_id: whose customers.
        source: the plan's CRM.
        manner: how it is carried out.
        accounts: only those of these customers; of all where empty.

    Raises:
        Refusal: the plan is not under way, or the CRM is another one.
        TryLater: a run is under way, or the CRM cannot be reached.
    """
    with _prepared(workspace, plan_id, source, manner, accounts) as (work, prepared):
        return work.walk(prepared)


def write_waiting(
    workspace: Workspace, plan_id: str, source: str, manner: Manner
) -> Transferred | None:
    """Write what still waits to be written; None where nothing does.

    Raises:
        HandoverError: as ``write_answers`` does.
    """
    with _prepared(workspace, plan_id, source, manner, ()) as (work, prepared):
        return work.walk(prepared) if prepared.steps or prepared.notes else None


@contextmanager
def _prepared(
    workspace: Workspace,
    plan_id: str,
    source: str,
    manner: Manner,
    accounts: Collection[str],
) -> Iterator[tuple[Work, Prepared]]:
    """Open the CRM, and list the steps that answers ask for."""
    asked = AnswersAsked(
        accounts=accounts,
        named=manner.org_id,
        zone=workspace.config.zone,
        spoken=words_for(workspace.config.language or workspace.language),
    )
    with open_work(workspace, source, "corrections", manner) as work:
        with (
            workspace.ledger.read() as connection,
            workspace.mirror(source, [*accounts] or None) as mirror,
        ):
            plan = store.load(connection, plan_id)
            prepared = prepare_answers(work.site, connection, mirror, plan, asked)
            seals.check_earlier_runs(connection, plan_id)
        yield work, prepared


def list_plans_with_answers(workspace: Workspace) -> list[Plan]:
    """List the plans under way whose customers corrected something or did not know."""
    rehearsed = workspace.rehearsed_on is not None
    with workspace.ledger.read() as connection:
        return [
            plan
            for plan in store.load_all(connection, UNTIL_OVER)
            if any(
                each.result in ASKING
                for made in list_confirmations(
                    connection, plan.id, rehearsed=rehearsed
                ).values()
                for each in made
            )
        ]


def try_to_write(
    workspace: Workspace,
    plan_id: str,
    source: str,
    manner: Manner,
    accounts: Collection[str],
) -> Attempt:
    """Write what customers answered now; whatever stands against it, it waits.

    The answers are on record already: nothing that happens here loses them.
    """
    try:
        return Attempt(run=write_answers(workspace, plan_id, source, manner, accounts))
    except KNOWN_ERRORS as error:
        return Attempt(waits=error)
