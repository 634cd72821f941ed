"""Takes a run back: each record that still holds our value gets its former one.

People's later edits win and are listed; tasks that we made are closed, not deleted; a
step in doubt is left alone until it is settled.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from connectors.base import Create, SetField
from handover.i18n import Phrase
from handover.ledger import seals
from handover.ledger.runs import ERASED, Entry, Run, entries_of
from handover.ledger.states import Action
from handover.plan import store
from handover.plan.deciders import is_named, name_all
from handover.plan.errors import NotYours, TermsChanged
from handover.plan.naming import name_step
from handover.plan.terms import TASK, Circumstances, compare_values
from handover.transfer.errors import RunNotYours
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
    now: Circumstances,
) -> UndoOf:
    """Return the authority to take a run back.

    Args:
        connection: to the ledger.
        run: what is to be taken back.
        person: who decides.
        now: who stands in for whom, and whom the policy names.

    Raises:
        NotYours: it is neither the plan's approver, nor their delegate, nor named.
        RunNotYours: the same, of a run without a plan.
        TermsChanged: they were not when the plan was submitted, or the tasks that the
            run made would be closed in another way.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    seals.check_run(connection, run.id)
    people, undo_by = now.people, now.policy.transfer.undo_by
    approvers = _approvers(connection, run)
    delegates = {people.delegate_of(user) for user in approvers}
    if person not in approvers | delegates and not is_named(person, people, undo_by):
        deciders = name_all([*sorted(approvers), *delegates], people)
        user = people.name(person)
        if run.plan_id is None:
            raise RunNotYours(user=user, run=run.id, deciders=deciders)
        raise NotYours(
            user=user, plan=run.plan_id, option=name_step("undo"), deciders=deciders
        )
    if run.plan_id is not None:
        _check_terms(connection, run, run.plan_id, person, now)
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
    ours = [
        e for e in entries if e.outcome == "done" and e.code not in ("already", ERASED)
    ]
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
    """Name who approved the version of the plan that a run carried out.

    A run without a plan was one person's word.
    """
    if run.plan_id is None:
        return {run.person_id} if run.person_id else set()
    return {
        each.by.person_id
        for each in store.list_decisions(connection, run.plan_id)
        if each.decision == "approve" and each.version == run.plan_version
    }


def _check_terms(
    connection: Connection, run: Run, plan_id: str, person: str, now: Circumstances
) -> None:
    """Refuse what the last approval of a plan did not rest on, as far as undoing goes.

    The owners that a run set are put back where it set them, whatever the mapping says.
    """
    seals.check_plan(connection, plan_id)
    approved = store.load_last_approved(connection, plan_id)
    if approved is None or approved.terms is None:
        return
    then, found = approved.terms, list[Phrase]()
    if person not in (*then.deciders, *then.undoers):
        name = now.people.name(person)
        found.append(Phrase(text="terms:undoes:more", params={"user": name}))
    if any(each.key is not None for each in entries_of(connection, run.id)):
        written = now.read_terms(approved).written
        found += compare_values(then.written, written, TASK)
    if found:
        raise TermsChanged(plan=plan_id, differences=tuple(found))
