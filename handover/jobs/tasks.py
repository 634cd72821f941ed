"""The nightly writing: what the policy, or somebody's word, lets be written at night.

It consists of errands, each of which yields its runs: one for each source, or for each
plan. An errand that has nothing to do yields nothing; what stops one of them, or one
source, stops no other.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.base import same_id
from handover.errors import KNOWN_ERRORS, KnownError
from handover.i18n import Words
from handover.jobs.answers import list_plans_with_answers, write_waiting
from handover.jobs.transfer import Manner, Transferred, open_work
from handover.jobs.workspace import Workspace
from handover.ledger import seals
from handover.ledger.policies import keep_policy
from handover.ledger.runs import all_runs
from handover.transfer.nightly import prepare_gap_tasks
from handover.transfer.standing import find_order, is_ordered


@dataclass(frozen=True, kw_only=True)
class NightlyRun:
    """What came of one run of a night: what was done, or why nothing was."""

    source: str
    plan_id: str | None = None
    """Of a run for one plan."""
    done: Transferred | None = None
    error: KnownError | None = None

    @property
    def failure(self) -> KnownError | None:
        """Why it was not carried out, or what of it was left undone."""
        return self.error or (self.done.executed.error if self.done else None)


Errand = Callable[[Workspace, Manner, Words], Iterator[NightlyRun]]


def write_at_night(
    workspace: Workspace, manner: Manner, words: Words
) -> list[NightlyRun]:
    """Do all errands of a night, in these words; a dry run shows what they would do.

    Where an org is named, only the source that is that org is written to.

    Raises:
        NotARehearsal: it would write, and not on the real day.
    """
    if not manner.dry_run:
        workspace.check_day()
    return [run for errand in ERRANDS for run in errand(workspace, manner, words)]


def ask_for_gaps(
    workspace: Workspace, manner: Manner, words: Words
) -> Iterator[NightlyRun]:
    """Write the tasks for gaps, a run for each source, if the policy orders them."""
    if not is_ordered(workspace.policy):
        return
    for source in _list_sources(workspace, manner):
        try:
            done = ask_for_gaps_of(workspace, source, manner, words)
            yield NightlyRun(source=source, done=done)
        except KNOWN_ERRORS as error:
            yield NightlyRun(source=source, error=error)


def write_what_was_answered(
    workspace: Workspace, manner: Manner, _words: Words
) -> Iterator[NightlyRun]:
    """Write what customers' answers ask for, a run for each plan that has any."""
    sources = _list_sources(workspace, manner)
    for plan in list_plans_with_answers(workspace):
        if plan.source in sources:
            try:
                done = write_waiting(workspace, plan.id, plan.source, manner)
            except KNOWN_ERRORS as error:
                yield NightlyRun(source=plan.source, plan_id=plan.id, error=error)
            else:
                if done is not None:
                    yield NightlyRun(source=plan.source, plan_id=plan.id, done=done)


ERRANDS: tuple[Errand, ...] = (ask_for_gaps, write_what_was_answered)


def ask_for_gaps_of(
    workspace: Workspace, source: str, manner: Manner, words: Words
) -> Transferred:
    """Write the tasks for gaps of one source.

    Raises:
        NoStandingOrder: the policy does not order it, or on nobody's word.
        HandoverError: of the class that says why not.
    """
    order = find_order(workspace.policy, workspace.people(source))
    with open_work(workspace, source, "tasks", manner) as work:
        with (
            workspace.ledger.read() as connection,
            workspace.mirror(source) as mirror,
        ):
            read_at = mirror.generation.sources[source]["synced_at"]
            since = dt.datetime.fromisoformat(read_at)
            seals.check_earlier_runs(connection, "", since)
            earlier = [
                run.id
                for run in all_runs(connection)
                if (run.kind, run.source) == ("tasks", source)
            ]
            seals.check_rows_of(connection, earlier)
            prepared = prepare_gap_tasks(
                work.site, connection, mirror, order, manner.org_id, words
            )
        if not manner.dry_run:
            with workspace.ledger.begin() as connection:
                keep_policy(connection, workspace.policy, workspace.clock())
        return work.walk(prepared)


def _list_sources(workspace: Workspace, manner: Manner) -> list[str]:
    """List the sources to write to; a named org leaves out the others."""
    known = workspace.generation().sources
    sources = [source for source in workspace.sources() if source in known]
    if manner.org_id is None:
        return sources
    named = [s for s in sources if same_id(known[s]["org_id"], manner.org_id)]
    return named or sources
