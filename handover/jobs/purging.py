"""Erasing a person of a customer: from the mirror, the ledger and what runs left.

The CRM itself is not touched: who is erased here has to be erased there, too. Until
then each sync leaves out what the CRM still has of them.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Connection, select

from connectors.base import same_id
from connectors.settings import LocalPath
from handover.errors import AmbiguousName, UnknownName
from handover.i18n import Phrase
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.naming_files import list_naming_files, mask_run_files
from handover.jobs.workspace import Workspace
from handover.ledger import erasing, home, seals
from handover.ledger.erasing import ErasedPerson
from handover.ledger.events import record
from handover.ledger.tables import confirmations
from handover.mirror.disk import lack_of_room_is_named, open_duckdb
from handover.mirror.erasing import (
    WHOLE,
    Traces,
    digest_of,
    find_traces,
    keep_erased,
    read_erased,
    write_without,
)
from handover.mirror.generations import (
    Generation,
    NextGeneration,
    drop_older,
    list_generations,
    publish,
    remove_unnamed,
)
from handover.mirror.sql import literal
from handover.plan.decision import Decision
from handover.plan.erasing import erase_from_plans

LEAST_DIGITS = 7
"""Digits of a value that can be a telephone's number."""
CONTACT = Phrase(text="person")
PURGED = "contact.erased"
"""The event of an erasure; its subject is a hash of the contact's id."""


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What was erased of a person, and what others have to delete.

    ``counts`` are cells of the mirror, rows and events of the ledger, files of runs.
    ``files`` are papers below the working folder that name them, ``in_crm`` table and
    id of the CRM's records that name them, ``left`` files that somebody had open.
    ``was_done``: they had been erased before, and nothing was left.
    """

    source: str
    contact_id: str
    counts: dict[str, int] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    in_crm: tuple[tuple[str, str], ...] = ()
    left: tuple[Path, ...] = ()
    was_done: bool = False


def find_contact(workspace: Workspace, text: str) -> tuple[str, str]:
    """Find a person by the id that mirror or ledger have; return source and id.

    Raises:
        UnknownName: neither has them.
        AmbiguousName: two sources have such an id.
    """
    found = list(dict.fromkeys(_list_contacts(workspace, text)))
    if not found:
        raise UnknownName(kind=CONTACT, name=text, suggestion="-")
    if len(found) > 1:
        listed = ", ".join(":".join(each) for each in found)
        raise AmbiguousName(kind=CONTACT, name=text, candidates=listed)
    return found[0]


def _list_contacts(workspace: Workspace, text: str) -> Iterator[tuple[str, str]]:
    with workspace.ledger.read() as connection:
        kept = list_generations(connection, workspace.mirror_folder)
        query = select(confirmations.c.source, confirmations.c.person)
        answered = {(row.source, row.person) for row in connection.execute(query)}
        for source in sorted(workspace.generation().sources):
            wanted = text.removeprefix(f"{source}:").strip()
            known = [key for name, key in answered if name == source]
            known += _list_ids(workspace, kept, source, wanted)
            yield from ((source, key) for key in known if same_id(key, wanted))
            erased = read_erased(connection, source).cells.get("contacts", {})
            if digest_of(source, "contacts", wanted) in erased:
                yield source, wanted


def _list_ids(
    workspace: Workspace, kept: Sequence[Generation], source: str, wanted: str
) -> Iterator[str]:
    """Yield the ids in all generations that begin as the wanted one."""
    with open_duckdb(workspace.mirror_folder) as con:
        for each in kept:
            file = each.files.get("contacts")
            if file is not None and file.is_file():
                rows = con.sql(f"from read_parquet({literal(file)})").filter(
                    f"source = {literal(source)} and "
                    f"starts_with(lower(id), lower({literal(wanted[:15])}))"
                )
                yield from (key for (key,) in rows.project("id").fetchall())


def purge(workspace: Workspace, source: str, contact: str, reason: str) -> Purged:
    """Erase a person, under the lock; nothing is left when it ends.

    Raises:
        LedgerChanged: the ledger is not as it was sealed; nothing is sealed anew then.
        NoDecider: nobody is named who decides it.
        NotARehearsal: on another day than the real one.
    """
    by = make_decision(workspace, source, Grounds(reason=reason))
    ledger, folder = workspace.ledger, workspace.mirror_folder
    with workspace.lock("purge"), lack_of_room_is_named(folder):
        home.check_home(ledger, workspace.runs_folder)
        with ledger.read() as connection:
            seals.check_chain(connection)
            for broken in seals.list_broken(connection):
                raise seals.LedgerChanged(row=broken.row)
            kept = list_generations(connection, folder)
        done = _Purge(workspace=workspace, by=by, source=source, contact=contact)
        found = done.carry_out(kept)
        left = remove_unnamed(ledger, folder)
        for staging in folder.glob("staging*"):
            shutil.rmtree(staging, ignore_errors=True)
        ledger.forget()
    return replace(found, left=tuple(left), was_done=found.was_done and not left)


@dataclass(frozen=True, kw_only=True)
class _Purge:
    """One erasure: whose, and on whose word."""

    workspace: Workspace
    by: Decision
    source: str
    contact: str

    def carry_out(self, kept: Sequence[Generation]) -> Purged:
        workspace = self.workspace
        folder = workspace.mirror_folder
        with open_duckdb(folder) as con:
            traces = find_traces(con, kept, self.source, self.contact)
            with workspace.ledger.read() as connection:
                person = self._person(connection, traces)
                is_known = self._is_erased(connection)
            if is_known and not person.words:
                return Purged(
                    source=self.source, contact_id=self.contact, was_done=True
                )
            files = mask_run_files(workspace.runs_folder, person.words)
            following = NextGeneration(con=con, folder=folder, before=kept[0])
            try:
                write_without(following, self.source, self.contact, traces)
                counts = self._write(following, kept[0], person, traces)
            finally:
                following.discard()
        counts["files"] = len(files)
        counts["cells"] = len(traces.texts)
        return Purged(
            source=self.source,
            contact_id=self.contact,
            counts=counts,
            files=self._list_papers(person.words),
            in_crm=tuple(dict.fromkeys((table, key) for table, key, _ in traces.texts)),
        )

    def _person(self, connection: Connection, traces: Traces) -> ErasedPerson:
        """Put together what names somebody: what the mirror and the ledger have."""
        own_id = self.contact.rsplit(":", 1)[-1]
        person = ErasedPerson(
            source=self.source, id=self.contact, own_id=own_id, words=traces.words
        )
        own = {
            word
            for word in erasing.list_own_words(connection, person)
            if "@" in word or sum(map(str.isdigit, word)) >= LEAST_DIGITS
        }
        words = sorted({*traces.words, *own}, key=lambda word: (-len(word), word))
        return ErasedPerson(
            source=self.source, id=self.contact, own_id=own_id, words=tuple(words)
        )

    def _is_erased(self, connection: Connection) -> bool:
        erased = read_erased(connection, self.source).cells.get("contacts", {})
        return digest_of(self.source, "contacts", self.contact) in erased

    def _write(
        self,
        following: NextGeneration,
        before: Generation,
        person: ErasedPerson,
        traces: Traces,
    ) -> dict[str, int]:
        """Publish the mirror without the person, and take them out of the ledger."""
        n, files = following.n, following.finish()
        cells = [("contacts", self.contact, WHOLE), *traces.texts]
        with self.workspace.ledger.begin() as connection:
            sealed = erasing.hash_all(connection)
            publish(
                connection, n=n, files=files, sources=before.sources, now=self.by.at
            )
            drop_older(connection, n)
            keep_erased(connection, self.source, cells)
            rows = erasing.erase_remarks(
                connection, person, traces.parts, traces.accounts
            )
            rows += erasing.erase_rows(connection, person)
            rows += erase_from_plans(connection, person.words)
            counts = {"rows": rows, "events": erasing.erase_details(connection, person)}
            details = {
                "person": self.by.person_id,
                "actor": self.by.actor,
                "host": self.by.host,
                "reason": erasing.mask(self.by.reason, person.words),
                **counts,
            }
            subject = digest_of(self.source, "contacts", self.contact)
            changed = erasing.changed_seals(connection, sealed)
            record(connection, self.by.at, PURGED, subject, details, changed)
        return counts

    def _list_papers(self, words: Sequence[str]) -> tuple[Path, ...]:
        config = self.workspace.config
        leave = [self.workspace.folder]
        for section in config.crm.values():
            leave += [
                config.path(str(p)) for p in section.values_of(LocalPath).values()
            ]
        return tuple(list_naming_files(config.base, words, leave))
