"""The steps of a night: tasks for what is lacking, as the policy orders them."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from connectors.base import Note, SetField
from handover.audit.engine import audit
from handover.i18n import Words
from handover.ledger.states import UNTIL_OVER, Action
from handover.ledger.writes import find_overruled
from handover.mirror.views import Mirror
from handover.plan import store
from handover.plan.naming import name_first
from handover.transfer.checks import Site, check_site, read_active
from handover.transfer.facts import OurTask
from handover.transfer.gap_tasks import (
    GapTask,
    GapTasks,
    Night,
    key_prefix,
    list_lacking,
    list_rounds,
    plan_night,
)
from handover.transfer.gap_texts import GapWriter
from handover.transfer.gather import read_owners_written
from handover.transfer.known_tasks import KnownTask, list_known_tasks
from handover.transfer.our_tasks import read_tasks
from handover.transfer.prepare import Prepared
from handover.transfer.readings import Readings
from handover.transfer.steps import StandingOrder, Step, in_order, label
from handover.transfer.tasks import Purpose, account_of, close, guard, is_in_our_hands
from handover.transfer.tasks import key_prefix as plan_prefix
from handover.transfer.to_crm import NewTask


def prepare_gap_tasks(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    order: StandingOrder,
    named: str | None,
    spoken: Words,
) -> Prepared:
    """List the steps of one night: new tasks, those that say more or less, and ends.

    A customer for whom a plan has an open task about the same is left to the plan.

    Args:
        site: where we are.
        connection: to the ledger.
        mirror: the CRM as it was read.
        order: whose word it is.
        named: the org that the user named, if they did.
        spoken: the language of the tasks.

    Raises:
        NoTaskMapping: the mapping does not say how tasks are written.
        HandoverError: of the class that says why not.
    """
    org_id = mirror.generation.sources[site.source]["org_id"]
    check_site(site, org_id=org_id, named=named)
    found = _plan(site, connection, mirror)
    writer = GapWriter(
        spoken=spoken,
        person=site.people.name,
        item=lambda code: site.policy.item_name(code, spoken),
    )
    steps = in_order(_Steps(site, order, writer).list_all(connection, found))
    return Prepared(
        kind="tasks",
        org_id=org_id,
        plan_id=None,
        plan_version=None,
        steps=steps,
        readings=Readings(connector=site.connector, clock=site.clock),
        content={"policy": site.policy.hash, "version": site.policy.version},
        notes=list(_list_notes(site, found, steps)),
        overruled=find_overruled(connection, label(order)),
        person_id=order.person_id,
    )


def _plan(site: Site, connection: Connection, mirror: Mirror) -> GapTasks:
    """Decide what is to be done, from the mirror and the ledger."""
    written = read_owners_written(site.to_crm, connection, mirror)
    found = audit(mirror, site.policy, site.as_of)
    lacking = list_lacking(found, written.owners.get("accounts", {}))
    planned = set(_list_planned(site, connection, mirror))
    prefix = key_prefix(site.source)
    known = list_known_tasks(connection, mirror, site.to_crm, prefix)
    rules, people = site.policy.tasks, site.people
    asked = [account for account in lacking if account.id not in planned]
    owners = {account.owner_id for account in asked if account.owner_id}
    managers = {people.manager_of(owner) for owner in owners} - {None}
    able = {u for u in (*owners, *managers) if u and people.is_active(u)}
    night = Night(
        today=site.as_of,
        due=_find_due(site, rules.due_days),
        most_new=rules.max_new_per_owner,
        manager_of=people.manager_of,
        can_be_asked=read_active(site, able).__contains__,
    )
    return plan_night(asked, list_rounds(known, site.source), night)


def _find_due(site: Site, days: int) -> dt.date:
    """Find the working day by which new tasks are due."""
    return next(site.company.since(site.as_of + dt.timedelta(days=days)))


def _list_planned(site: Site, connection: Connection, mirror: Mirror) -> Iterator[str]:
    """Yield the customers whose gaps an open task of a plan asks to fill in."""
    for plan in store.load_all(connection, UNTIL_OVER):
        if plan.source != site.source:
            continue
        for task in list_known_tasks(
            connection, mirror, site.to_crm, plan_prefix(plan)
        ):
            if task.is_open and task.key.rsplit(":", 2)[1] == Purpose.GAPS:
                yield account_of(task.key, plan)


@dataclass(frozen=True)
class _Steps:
    """Makes steps of what was decided; tasks that people have in hand are left out."""

    site: Site
    order: StandingOrder
    writer: GapWriter

    def list_all(self, connection: Connection, found: GapTasks) -> list[Step]:
        """List all steps; the tasks that there are are read in the CRM once more."""
        touched = [task for task, _ in found.kept] + [task for _, task in found.closed]
        placed = {task.key: task.record for task in touched}
        now = read_tasks(self.site, connection, placed)
        return [
            *map(self._make, found.new),
            *self._list_said(found.kept, now),
            *self._list_closed(found.closed, now),
        ]

    def _make(self, task: GapTask) -> Step:
        subject, text = self.writer.words(task)
        wanted = NewTask(
            key=task.key(self.site.source),
            account_id=task.account.id,
            owner_id=task.user_id,
            subject=subject,
            text=text,
            due=task.due.isoformat(),
        )
        return Step(
            source=self.site.source,
            account_id=task.account.id,
            action=Action.CREATE_TASK,
            change=self.site.to_crm.new_task(wanted),
            authority=self.order,
        )

    def _list_said(
        self,
        kept: Iterable[tuple[KnownTask, GapTask]],
        now: Mapping[str, OurTask],
    ) -> Iterator[Step]:
        """Yield the steps to tasks whose text is ours and says what is not so."""
        for known, wanted in kept:
            task = now[known.key]
            _, text = self.writer.words(wanted)
            is_ours = task.text is not None and task.text == task.written_text
            if not is_ours or task.text == text:
                continue
            change = SetField(
                object=task.object,
                id=task.id,
                field=self.site.to_crm.task.text,
                before=task.text,
                after=text,
            )
            yield from self._change(task, wanted.account.id, Action.CHANGE_TASK, change)

    def _list_closed(
        self, closed: Iterable[tuple[str, KnownTask]], now: Mapping[str, OurTask]
    ) -> Iterator[Step]:
        for account_id, known in closed:
            task = now[known.key]
            change = close(task, self.site.to_crm)
            yield from self._change(task, account_id, Action.CLOSE_TASK, change)

    def _change(
        self, task: OurTask, account_id: str, action: Action, change: SetField
    ) -> Iterator[Step]:
        to_crm = self.site.to_crm
        if is_in_our_hands(task, to_crm):
            yield Step(
                source=self.site.source,
                account_id=account_id,
                action=action,
                change=change,
                authority=self.order,
                expects=guard(task, change, to_crm),
            )


def _list_notes(site: Site, found: GapTasks, steps: Sequence[Step]) -> Iterator[Note]:
    """Yield who could not be asked, and what waits for another night."""
    if not steps:
        yield Note(code="no_gap_tasks", params={"source": site.source})
    if found.waiting:
        waiting = {"n": len(found.waiting), "most": site.policy.tasks.max_new_per_owner}
        yield Note(code="gap_tasks_wait", params=waiting)
    if found.unasked:
        names = name_first(account.name for account in found.unasked)
        yield Note(
            code="gaps_without_owner",
            params={"n": len(found.unasked), "accounts": names},
        )
    if found.untold:
        owners = {site.people.name(account.owner_id) for account in found.untold}
        yield Note(
            code="no_manager_to_tell",
            params={"owners": name_first(sorted(owners)), "file": site.people.file},
        )
