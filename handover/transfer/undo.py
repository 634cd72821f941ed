"""Takes a run back: each record that still holds our value gets its former one.

People's later edits win and are listed; tasks that we made are closed, not deleted; a
step in doubt is left alone until it is settled.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from connectors.base import Create, SetField
from handover.ledger import seals
from handover.ledger.runs import Entry, Run
from handover.ledger.states import Action
from handover.mirror.people import People
from handover.plan import store
from handover.plan.errors import NotYours
from handover.transfer.put_back import PUT_BACK, undo_contact_steps
from handover.transfer.steps import Step, UndoOf
from handover.transfer.to_crm import ToCrm

WAYS_BACK = {
    Action.CREATE_TASK: Action.CLOSE_TASK,
    Action.CLOSE_TASK: Action.CHANGE_TASK,
}
"""What takes back a step is of the same kind, but for these."""


def undo_of(
    connection: Connection,
    run: Run,
    person: str,
    people: People,
    undo_by: Collection[str],
) -> UndoOf:
    """Return the authority to take a run back.

    Args:
        connection: to the ledger.
        run: what is to be taken back.
        person: who decides.
        people: who stands in for whom.
        undo_by: users that the policy names, by id, e-mail or name.

    Raises:
        NotYours: it is neither the plan's approver, nor their delegate, nor named.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    seals.check_run(connection, run.id)
    approvers = _approvers(connection, run)
    delegates = {people.delegate_of(user) for user in approvers}
    if person not in approvers | delegates and not _named(person, people, undo_by):
        raise NotYours(user=people.name(person), plan=run.plan_id, option="undo")
    return UndoOf(run_id=run.id, plan_id=run.plan_id or "", person_id=person)


def undo_steps(
    authority: UndoOf,
    entries: Sequence[Entry],
    to_crm: ToCrm,
    written: Mapping[str, Mapping[str, str | None]],
) -> list[Step]:
    """List the steps that take back what a run changed.

    Those who are on a team when the owner returns are put back as in any other run.

    Args:
        authority: whose word it is.
        entries: the run's steps.
        to_crm: the CRM's words.
        written: for tasks that the run made, the fields as we last wrote them.
    """
    ours = [e for e in entries if e.outcome == "done" and e.code != "already"]
    back = [e for e in ours if e.action not in PUT_BACK]
    return [
        *(_back(e, authority, to_crm, written) for e in back),
        *undo_contact_steps(authority, entries),
    ]


def _back(
    entry: Entry,
    authority: UndoOf,
    to_crm: ToCrm,
    written: Mapping[str, Mapping[str, str | None]],
) -> Step:
    action = Action(entry.action)
    change = entry.change
    expects: Mapping[str, str | None] = {}
    if isinstance(change, Create):
        task = to_crm.task
        status = task.status
        ours = written.get(entry.record_id or "", {})
        expects = {name: ours.get(name) for name in (task.due, task.owner_id)}
        back = SetField(
            object=change.object,
            id=entry.record_id or "",
            field=status.field,
            before=status.open,
            after=status.done,
        )
    else:
        back = SetField(
            object=change.object,
            id=change.id,
            field=change.field,
            before=change.after,
            after=change.before,
        )
    return Step(
        source=entry.source,
        account_id=entry.account_id,
        action=WAYS_BACK.get(action, action),
        change=back,
        authority=authority,
        follows=_follows(entry),
        expects=expects,
    )


def _follows(entry: Entry) -> tuple[str, ...]:
    if entry.action == Action.ACCOUNT_OWNER or entry.account_id is None:
        return ()
    return (entry.account_id,)


def _approvers(connection: Connection, run: Run) -> set[str]:
    """Name who approved the version of the plan that a run carried out."""
    if run.plan_id is None:
        return set()
    return {
        each.by.person_id
        for each in store.list_decisions(connection, run.plan_id)
        if each.decision == "approve" and each.version == run.plan_version
    }


def _named(person: str, people: People, undo_by: Collection[str]) -> bool:
    found = people.user(person)
    known = (found.id, found.email, found.name) if found else (person,)
    return any(name in undo_by for name in known)
