"""Writing what customers corrected: at once where that can be, else by a later run."""

from collections.abc import Collection
from dataclasses import dataclass

from handover.errors import KNOWN_ERRORS, KnownError
from handover.jobs.transfer import Manner, Transferred, open_work
from handover.jobs.workspace import Workspace
from handover.plan import store
from handover.transfer.corrections import list_waiting, prepare_corrections


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A run that wrote corrections; ``waits`` says why there was none."""

    run: Transferred | None = None
    waits: KnownError | None = None


def write_corrections(
    workspace: Workspace,
    plan_id: str,
    source: str,
    manner: Manner,
    accounts: Collection[str] = (),
) -> Transferred:
    """Write the corrections of a plan's customers that wait.

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
    with open_work(workspace, source, "corrections", manner) as work:
        with (
            workspace.ledger.read() as connection,
            workspace.mirror(source, [*accounts] or None) as mirror,
        ):
            plan = store.load(connection, plan_id)
            rehearsed = workspace.rehearsed_on is not None
            prepared = prepare_corrections(
                work.site,
                connection,
                mirror,
                plan=plan,
                waiting=list_waiting(connection, plan, accounts, rehearsed=rehearsed),
                zone=workspace.config.zone,
                named=manner.org_id,
            )
        return work.walk(prepared)


def try_to_write(
    workspace: Workspace, plan_id: str, source: str, manner: Manner, account: str
) -> Attempt:
    """Write a customer's corrections now; whatever stands against it, they wait.

    They are on record already: nothing that happens here loses them.
    """
    try:
        return Attempt(
            run=write_corrections(workspace, plan_id, source, manner, [account])
        )
    except KNOWN_ERRORS as error:
        return Attempt(waits=error)
