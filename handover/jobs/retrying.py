"""Taking up again what a run left undone."""

from handover.i18n import Words
from handover.jobs.answers import write_answers
from handover.jobs.closing import close
from handover.jobs.ending import end
from handover.jobs.tasks import ask_for_gaps_of
from handover.jobs.transfer import Manner, Transferred, publish, reassign, undo
from handover.jobs.workspace import Workspace
from handover.ledger.runs import Run, entries_of, find_run
from handover.transfer.prepare import TransferRequest
from handover.transfer.run_files import left_open


def retry(workspace: Workspace, text: str, manner: Manner, words: Words) -> Transferred:
    """Take up what a run left undone, for the reason that it had."""
    with workspace.ledger.read() as connection:
        run = find_run(connection, text)
        rows = left_open(run.id, entries_of(connection, run.id))
    if run.undoes is not None:
        return undo(workspace, run.undoes, manner, again=True)
    if run.kind == "tasks":
        return ask_for_gaps_of(workspace, run.source, manner, words)
    if run.kind == "publish":
        asked = TransferRequest(org_id=manner.org_id, before_announcement=run.reason)
        return publish(workspace, run.plan_id or "", asked, manner, words)
    if run.kind == "reassign":
        asked = TransferRequest(org_id=manner.org_id, early=run.reason, rows=rows)
        return reassign(workspace, run.plan_id or "", asked, manner)
    return _retry_what_follows(workspace, run, manner)


def _retry_what_follows(workspace: Workspace, run: Run, manner: Manner) -> Transferred:
    """Take up what answers asked for, or what was left to close of a plan's tasks."""
    plan = run.plan_id or ""
    if run.kind == "corrections":
        return write_answers(workspace, plan, run.source, manner)
    if run.kind == "close":
        return close(workspace, plan, (), run.reason, manner).run
    return end(workspace, plan, run.reason or "", manner).run
