"""The sync: every source is read, what came is merged, and one generation published.

Three phases, each with a value of its own: ``_read`` (a ``Reading``, or ``Unread``),
``_merge`` (``Merged``) and ``_make_current`` (``Published``). A source that cannot be
read keeps its rows and marks while the others go on; the next sync resumes one that was
killed.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete

from connectors.base import Page
from handover.errors import KNOWN_ERRORS, HandoverError, KnownError, worst_first
from handover.ledger import Ledger
from handover.ledger.tables import watermarks
from handover.mirror.aside import (
    Aside,
    asides_now,
    cells_lost,
    read_asides,
    write_asides,
)
from handover.mirror.deltas import delta_of
from handover.mirror.disk import lack_of_room_is_named, open_duckdb
from handover.mirror.erasing import Erased, read_erased
from handover.mirror.generations import (
    Generation,
    NextGeneration,
    collect_garbage,
    move_marks,
    newest_generation,
    note_sources,
    publish,
    read_marks,
)
from handover.mirror.losses import TooMuchLost
from handover.mirror.merging import Counts, Merger
from handover.mirror.names import Place, Relations, keep_names, read_names
from handover.mirror.object_pull import SourcePull
from handover.mirror.outcome import (
    Merged,
    Published,
    SourceOutcome,
    Synced,
    Unread,
    outcome_of,
)
from handover.mirror.owners import (
    GoneAccount,
    OwnerChange,
    changed_owners,
    derived_owners,
    gone_accounts,
    remember,
)
from handover.mirror.references import write_references
from handover.mirror.source_pull import Puller, Reading, Source
from handover.mirror.staging import drop
from handover.mirror.visibility import Past, write_statuses
from handover.mirror.watermarks import SWEEP_DAYS
from mappings.model import DerivedOwner
from mappings.schema import TABLES
from mappings.translate import TranslationSettings

__all__ = ["Source", "SourceFailed", "SourceOutcome", "SyncOptions", "Synced", "Syncer"]


class SourceFailed(HandoverError):
    """A source could not be read, and others were synced.

    It ends with the source's own exit code: who has to sign in must not be told to
    wait (``source``, ``error``, ``synced``).
    """

    code = "source_failed"

    def __init__(self, *, source: str, error: KnownError, synced: str) -> None:
        """Take what stopped the source, and the names of those that were synced."""
        super().__init__(source=source, error=error, synced=synced)
        self.exit_code = error.exit_code


@dataclass(frozen=True, kw_only=True)
class SyncOptions:
    """How to sync."""

    full: bool = False
    dry_run: bool = False
    allow_shrink: bool = False
    keep_generations: int = 14
    sweep_days: int = SWEEP_DAYS


@dataclass(kw_only=True)
class Syncer:
    """Syncs into one mirror folder and its ledger."""

    ledger: Ledger
    folder: Path
    settings: TranslationSettings
    now: dt.datetime
    options: SyncOptions
    told: Callable[[str, Page], None] = lambda _object, _page: None
    reached: Callable[[str], None] = lambda _point: None

    def sync(self, sources: Sequence[Source]) -> Synced:
        """Read all sources, merge what came and publish it.

        Raises:
            ConnectorError, MappingError: no source can be read, or one whose damaged
                rows need it; of several errors the worst.
            TooMuchLost: nothing may be published before somebody has looked.
            DamagedMirror: a file is not as it was written, and this is no full sync.
            DiskFull, OutOfMemory: nothing was published; the pages that were read are
                kept for the next sync.
        """
        with lack_of_room_is_named(self.folder):
            before, damaged = self._before()
            if damaged:
                self._forget_others(sources)
            found = [
                self._read(past, one) for past, one in self._pasts(before, sources)
            ]
            unread = [one for one in found if isinstance(one, Unread)]
            if unread and (damaged or len(unread) == len(found)):
                raise worst_first(one.error for one in unread)[0]
            readings = [one for one in found if isinstance(one, Reading)]
            merged, published = self._merge_and_publish(readings, before)
        return Synced(
            generation=published.generation,
            outcomes=[outcome_of(one, merged) for one in found],
            unmanaged=published.unmanaged,
            gone=published.gone,
        )

    def _before(self) -> tuple[Generation | None, bool]:
        """Find the current generation; a full sync does without its damaged files."""
        with self.ledger.read() as connection:
            found = newest_generation(connection, self.folder)
        if found is None:
            return None, False
        damaged = set(found.damaged())
        if damaged and not self.options.full:
            found.check()
        return found.without(damaged), bool(damaged)

    def _forget_others(self, sources: Sequence[Source]) -> None:
        """Have what is not synced now read in full when it is: its rows are lost."""
        names = [one.name for one in sources]
        with self.ledger.begin() as connection:
            connection.execute(
                delete(watermarks).where(watermarks.c.source.not_in(names))
            )

    # Reading

    def _pasts(
        self, before: Generation | None, sources: Sequence[Source]
    ) -> list[tuple[Past, Source]]:
        with self.ledger.read() as connection:
            return [
                (
                    Past(
                        source=one.name,
                        generation=before,
                        marks=read_marks(connection, one.name),
                    ),
                    one,
                )
                for one in sources
            ]

    def _read(self, past: Past, source: Source) -> Reading | Unread:
        """Read one source into its staging folder."""
        try:
            connector = source.connect()
            identity = connector.identify()
            pull = SourcePull(
                source=source.name,
                connector=connector,
                settings=self.settings,
                folder=self._staging / source.name,
                past=past,
                full=self.options.full,
                sweep_every=dt.timedelta(days=self.options.sweep_days),
                told=self.told,
                erased=self._erased(source.name),
            )
            return Puller(pull=pull, mapping=source.mapping).read(identity)
        except KNOWN_ERRORS as error:
            return Unread(source=source.name, error=error)

    def _erased(self, source: str) -> Erased:
        with self.ledger.read() as connection:
            return read_erased(connection, source)

    @property
    def _staging(self) -> Path:
        name = "staging-dry" if self.options.dry_run else "staging"
        return self.folder / name

    # Merging

    def _merge_and_publish(
        self, readings: Sequence[Reading], before: Generation | None
    ) -> tuple[dict[str, Merged], Published]:
        """Make the next generation; a dry run only counts."""
        known = read_asides(before)
        with open_duckdb(self.folder) as con:
            following = NextGeneration(
                con=con, folder=self.folder, before=before, reached=self.reached
            )
            try:
                merged = {
                    one.source: self._merge(following, one, known) for one in readings
                }
                if self.options.dry_run:
                    drop(self._staging, merged)
                    return merged, Published(generation=before.n if before else None)
                seen = {one.source: one.columns for one in readings}
                write_statuses(following, seen)
                asides = {name: one.asides for name, one in merged.items()}
                write_asides(following, known, asides)
                if following.written:
                    write_references(following, readings)
                published = self._make_current(following, readings, merged)
            finally:
                following.discard()
        self.reached("published")
        collect_garbage(
            self.ledger, self.folder, keep=self.options.keep_generations, now=self.now
        )
        drop(self._staging, merged)
        return merged, published

    def _merge(
        self, following: NextGeneration, reading: Reading, known: Sequence[Aside]
    ) -> Merged:
        """Merge every table of a source."""
        merger = Merger(following.con, allow_shrink=self.options.allow_shrink)
        mine = [one for one in known if one.source == reading.source]
        asides = asides_now(mine, reading)
        lost = cells_lost(mine, asides)
        found: dict[str, Counts] = {}
        for table in TABLES:
            # What an earlier source has changed already is merged from there.
            delta = delta_of(table, reading, lost.get(table, {}))
            try:
                counts = merger.merge(following.relation(table), delta)
            except TooMuchLost:
                # Whoever looks again has to see what is there then.
                drop(self._staging, [reading.source])
                raise
            if reading.feeders(table) or counts.vanished:
                found[table] = counts
            if counts.changes_anything and not self.options.dry_run:
                following.write(table, merger.ROWS)
        rule = reading.mapping.derived_owner
        if rule is not None:
            self._derive(following, reading.source, rule)
        return Merged(counts=found, asides=asides)

    def _derive(
        self, following: NextGeneration, source: str, rule: DerivedOwner
    ) -> None:
        """Fill owners by rule, if accounts or what the rule looks at has changed."""
        accounts, records = map(following.relation, ("accounts", rule.table))
        if accounts and records and {"accounts", rule.table} & set(following.written):
            zone = self.settings.timezone
            rows = derived_owners(accounts, records, source, rule, zone)
            following.write("accounts", f"({rows})")

    # Publishing

    def _make_current(
        self,
        following: NextGeneration,
        readings: Sequence[Reading],
        merged: Mapping[str, Merged],
    ) -> Published:
        """Finish the files and make them current, in one transaction with the marks."""
        before = following.before
        about: dict[str, object] = dict(before.sources) if before else {}
        about |= {one.source: self._about(one, merged[one.source]) for one in readings}
        changes, gone = self._compare(following, readings)
        names = self._names(following, readings, changes, gone)
        if following.written or before is None:
            n, files = following.n, following.finish()
        else:
            n, files = before.n, None
        with self.ledger.begin() as connection:
            if files is not None:
                publish(connection, n=n, files=files, sources=about, now=self.now)
            else:
                note_sources(connection, n, about)
            unmanaged = remember(connection, changes, n, self.now)
            keep_names(connection, names, n)
            for reading in readings:
                marks = {one.job.object: one.new_mark() for one in reading.pulled}
                move_marks(connection, reading.source, marks, n)
        return Published(generation=n, unmanaged=unmanaged, gone=gone)

    def _about(self, reading: Reading, merged: Merged) -> dict[str, object]:
        return {
            "org_id": reading.identity.org_id,
            "org_name": reading.identity.org_name,
            "synced_at": self.now.isoformat(timespec="seconds"),
            "rejects": len(merged.asides),
            "announcements": list(reading.announcements()),
            "types": reading.types,
            "unstamped": {one.object_name: one.about for one in reading.unstamped},
        }

    def _names(
        self,
        following: NextGeneration,
        readings: Sequence[Reading],
        changes: Sequence[OwnerChange],
        gone: Sequence[GoneAccount],
    ) -> dict[Place, str]:
        """Read by which names those are known whom the ledger names by ids."""
        at = Relations(
            users=following.relation("users"), accounts=following.relation("accounts")
        )
        sources = [reading.source for reading in readings]
        return read_names(following.con, at, sources, changes, gone)

    def _compare(
        self, following: NextGeneration, readings: Sequence[Reading]
    ) -> tuple[list[OwnerChange], list[GoneAccount]]:
        """Find whose owner changed, and who is gone, since the last generation."""
        old, new = following.old_file("accounts"), following.written.get("accounts")
        if old is None or new is None:
            return [], []
        con, users = following.con, following.relation("users")
        changes: list[OwnerChange] = []
        gone: list[GoneAccount] = []
        for source in (reading.source for reading in readings):
            gone += gone_accounts(con, old, new, users, source=source)
            changes += changed_owners(
                con, old, new, users, source=source, seen_at=self.now
            )
        return changes, gone
