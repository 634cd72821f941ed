"""Asking in every source what somebody still owns."""

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from handover.errors import UnknownName
from handover.follow.covers import Validity
from handover.follow.leaver import (
    NAMING,
    Leaver,
    LeaverQuestion,
    owns_anything,
    read_leaver,
)
from handover.jobs.workspace import Workspace
from handover.ledger.states import RUNNING_STATES
from handover.ledger.writes import owners_set
from handover.mirror.find import find_user
from handover.mirror.people import Person
from handover.mirror.views import Mirror
from handover.plan import store
from handover.plan.approval import load_approved
from handover.plan.errors import Expired, TermsChanged, Unapproved
from handover.plan.model import Plan
from handover.transfer.facts import Written
from handover.transfer.gather import read_owners_written
from handover.transfer.to_crm import ToCrm


def find_leaver(workspace: Workspace, text: str) -> list[Leaver]:
    """Read in each source that knows somebody what is left in their name.

    Nothing is asked of a CRM: this is what the mirror and the ledger know. Whom no
    source has among its users any more is found by the id that records still name.

    Raises:
        UnknownName: no source knows them.
        AmbiguousName: several of one source are called so.
    """
    found: list[Leaver] = []
    unknown: UnknownName | None = None
    for source in sorted(workspace.generation().sources):
        try:
            person = find_user(workspace.people(source), text)
        except UnknownName as error:
            unknown = unknown or error
            person = Person(
                id=text.removeprefix(f"{source}:"), name=text, is_active=False
            )
            if not _owns_anything(workspace, source, person):
                continue
        found.append(_read(workspace, source, person))
    if unknown is not None and not found:
        raise unknown
    return found


def _owns_anything(workspace: Workspace, source: str, person: Person) -> bool:
    with workspace.mirror(source) as mirror:
        return owns_anything(mirror, person.id)


def _read(workspace: Workspace, source: str, person: Person) -> Leaver:
    also = workspace.mapping(source).also
    with workspace.ledger.read() as connection, workspace.mirror(source) as mirror:
        every = store.load_all(connection, NAMING)
        plans = [plan for plan in every if plan.source == source]
        asked = LeaverQuestion(
            person=person,
            plans=plans,
            validity=Validity(
                in_force=frozenset(_list_in_force(workspace, connection, plans)),
                is_active=workspace.people(source).is_active,
            ),
            written=_read_written(workspace, connection, mirror),
            fields=tuple(f"{table}.{name}" for table, name in also),
            places=workspace.hidden_places(source),
        )
        return read_leaver(mirror, asked)


def _list_in_force(
    workspace: Workspace, connection: Connection, plans: Iterable[Plan]
) -> Iterator[str]:
    """Yield the plans that may be carried out: approved, and nothing has changed."""
    for plan in plans:
        if plan.state not in RUNNING_STATES:
            continue
        now = workspace.circumstances(plan.source)
        with contextlib.suppress(Unapproved, Expired, TermsChanged):
            yield load_approved(connection, plan.id, workspace.as_of, now).plan.id


def _read_written(
    workspace: Workspace, connection: Connection, mirror: Mirror
) -> Written:
    """Read which owners our runs set since the sync; only then is the CRM opened."""
    source = mirror.source
    synced_at = dt.datetime.fromisoformat(
        mirror.generation.sources[source]["synced_at"]
    )
    if next(owners_set(connection, source, synced_at), None) is None:
        return Written()
    to_crm = ToCrm(workspace.mapping(source), workspace.unchecked_connector(source))
    return read_owners_written(to_crm, connection, mirror)
