"""The sync: every source is pulled, what came is merged, and one generation published.

Nothing but this reads pages. A source that cannot be read keeps its rows and marks
while the others go on; a sync that was killed is gone on with by the next one.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection, delete, select, update

from connectors.base import Connector, Page
from handover.errors import KNOWN_ERRORS, HandoverError, KnownError, worst_first
from handover.ledger import Ledger
from handover.ledger.tables import generations, watermarks
from handover.mirror.deltas import (
    FILE,
    Aside,
    SourceOutcome,
    as_table,
    asides_now,
    delta_of,
    feeders,
    known_asides,
    known_ids,
)
from handover.mirror.disk import full_disk_is_named, open_duckdb
from handover.mirror.generations import (
    Generation,
    NextGeneration,
    collect_garbage,
    move_marks,
    newest_generation,
    publish,
)
from handover.mirror.merging import Counts, Merger, Shrunk, literal
from handover.mirror.owners import OwnerChange, changed_owners, derived_owners, remember
from handover.mirror.pulling import Puller
from handover.mirror.staging import drop
from handover.mirror.visibility import seen_statuses, seen_types
from handover.mirror.watermarks import SWEEP_DAYS, Mark
from mappings.model import DerivedOwner
from mappings.model import Mapping as CrmMapping
from mappings.schema import COLUMNS_SCHEMA, LINK_TABLES, TABLES
from mappings.translate import TranslationSettings


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
class Source:
    """A CRM and its mapping. ``connect`` may fail like any call."""

    name: str
    connect: Callable[[], Connector]
    mapping: CrmMapping


@dataclass(frozen=True, kw_only=True)
class SyncOptions:
    """How to sync."""

    full: bool = False
    dry_run: bool = False
    allow_shrink: bool = False
    keep_generations: int = 14
    sweep_days: int = SWEEP_DAYS


@dataclass(kw_only=True)
class Synced:
    """What a sync did. ``generation`` is the current one, None when there is none."""

    generation: int | None
    outcomes: list[SourceOutcome]
    unmanaged: list[OwnerChange]

    @property
    def counts(self) -> dict[str, Counts]:
        """Add up the counts of all sources by table."""
        found: dict[str, Counts] = {}
        for outcome in self.outcomes:
            for table, counts in outcome.counts.items():
                found[table] = found.get(table, Counts()) + counts
        return found

    @property
    def vanished(self) -> int:
        """Count the records that were there and did not come; links are no records."""
        return sum(c.vanished for t, c in self.counts.items() if t not in LINK_TABLES)

    @property
    def rejects(self) -> list[Aside]:
        """List what the sources that were read lack now, also since earlier nights."""
        return [aside for outcome in self.outcomes for aside in outcome.rejects]


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
        """Pull all sources and publish.

        Raises:
            ConnectorError, MappingError: no source can be read, or one whose damaged
                rows need it; of several errors the worst.
            Shrunk: too much has vanished.
            DamagedMirror: a file is not as it was written, and this is no full sync.
            DiskFull: nothing was published; the pages that were read are kept.
        """
        with full_disk_is_named(self.folder):
            before, damaged = self._before()
            if damaged:
                self._forget_others(sources)
            with self.ledger.read() as connection:
                marks = {one.name: _marks(connection, one.name) for one in sources}
            outcomes = [self._pull(one, marks[one.name], before) for one in sources]
            errors = [one.error for one in outcomes if one.error is not None]
            if errors and (damaged or len(errors) == len(outcomes)):
                raise worst_first(errors)[0]
            return self._publish(sources, outcomes, before)

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

    # Pulling

    def _pull(
        self, source: Source, marks: Mapping[str, Mark], before: Generation | None
    ) -> SourceOutcome:
        outcome = SourceOutcome(source=source.name)
        try:
            connector = source.connect()
            identity = connector.identify()
            puller = Puller(
                source=source.name,
                connector=connector,
                mapping=source.mapping,
                settings=self.settings,
                folder=self._staging / source.name,
                marks=marks,
                full=self.options.full,
                sweep_every=dt.timedelta(days=self.options.sweep_days),
                statuses=seen_statuses(before, source.name),
                types=seen_types(before, source.name),
                known=lambda table, name: known_ids(before, source.name, table, name),
                told=self.told,
            )
            outcome.pulled = puller.pull()
        except KNOWN_ERRORS as error:
            outcome.error = error
            return outcome
        outcome.org_id, outcome.org_name = identity.org_id, identity.org_name
        outcome.calls = connector.calls
        outcome.problems = [p for p in puller.checked.problems if not p.fatal]
        outcome.columns = puller.checked.columns
        outcome.types = puller.new_types(outcome.pulled)
        outcome.announcements = list(_announcements(outcome, source.mapping))
        return outcome

    @property
    def _staging(self) -> Path:
        name = "staging-dry" if self.options.dry_run else "staging"
        return self.folder / name

    # Publishing

    def _publish(
        self,
        sources: Sequence[Source],
        outcomes: list[SourceOutcome],
        before: Generation | None,
    ) -> Synced:
        read = [o for o in outcomes if o.error is None]
        mappings = {one.name: one.mapping for one in sources}
        known = known_asides(before)
        for outcome in read:
            outcome.rejects = asides_now(known, outcome, mappings[outcome.source])
        with open_duckdb(self.folder) as con:
            following = NextGeneration(
                con=con, folder=self.folder, before=before, reached=self.reached
            )
            try:
                for outcome in read:
                    self._merge(following, outcome, mappings[outcome.source])
                if self.options.dry_run:
                    drop(self._staging, mappings)
                    n = before.n if before else None
                    return Synced(generation=n, outcomes=outcomes, unmanaged=[])
                self._merge_columns(following, read)
                self._merge_rejects(following, known, read)
                unmanaged, n = self._make_current(following, read, before)
            finally:
                following.discard()
        self.reached("published")
        collect_garbage(
            self.ledger, self.folder, keep=self.options.keep_generations, now=self.now
        )
        drop(self._staging, [outcome.source for outcome in read])
        return Synced(generation=n, outcomes=outcomes, unmanaged=unmanaged)

    def _merge(
        self, following: NextGeneration, outcome: SourceOutcome, mapping: CrmMapping
    ) -> None:
        """Merge every table of a source; a dry run only counts."""
        merger = Merger(following.con, allow_shrink=self.options.allow_shrink)
        for table in TABLES:
            # What an earlier source has changed already is merged from there.
            delta = delta_of(table, outcome, mapping)
            try:
                counts = merger.merge(following.relation(table), delta)
            except Shrunk:
                # Whoever looks again has to see what is there then.
                drop(self._staging, [outcome.source])
                raise
            if feeders(table, outcome, mapping) or counts.vanished:
                outcome.counts[table] = counts
            if counts.changes_anything and not self.options.dry_run:
                following.write(table, merger.ROWS)
        if mapping.derived_owner is not None:
            self._derive(following, outcome.source, mapping.derived_owner)

    def _derive(
        self, following: NextGeneration, source: str, rule: DerivedOwner
    ) -> None:
        """Fill owners by rule, if accounts or what the rule looks at has changed."""
        accounts, records = map(following.relation, ("accounts", rule.table))
        if accounts and records and {"accounts", rule.table} & set(following.written):
            zone = self.settings.timezone
            rows = derived_owners(accounts, records, source, rule, zone)
            following.write("accounts", f"({rows})")

    def _merge_columns(
        self, following: NextGeneration, read: Sequence[SourceOutcome]
    ) -> None:
        """Write what this generation can see, if that is not what the last one saw."""
        rows = [(o.source, *column) for o in read for column in o.columns]
        table = pa.table(
            dict(zip(COLUMNS_SCHEMA.names, zip(*rows, strict=True), strict=True))
            if rows
            else COLUMNS_SCHEMA.empty_table(),
            schema=COLUMNS_SCHEMA,
        )
        con, old = following.con, following.relation("columns")
        con.register("seen_now", table)
        now = "(from seen_now)"
        if old is not None:
            names = ", ".join(literal(o.source) for o in read)
            others = f"from {old} where source not in ({names})"
            now = f"(from seen_now union all {others})"
            gained = con.sql(f"from {now} except from {old}")
            lost = con.sql(f"from {old} except from {now}")
            if not len(gained) and not len(lost):
                return
        following.write("columns", now)

    def _merge_rejects(
        self,
        following: NextGeneration,
        known: Sequence[Aside],
        read: Sequence[SourceOutcome],
    ) -> None:
        """Write what this generation lacks, if that is not what the last one lacked."""
        names = {outcome.source for outcome in read}
        lacking = [aside for aside in known if aside.source not in names]
        lacking += [aside for outcome in read for aside in outcome.rejects]
        if Counter(lacking) != Counter(known):
            following.con.register("lacking", as_table(lacking))
            following.write(FILE, "lacking")

    def _make_current(
        self,
        following: NextGeneration,
        read: Sequence[SourceOutcome],
        before: Generation | None,
    ) -> tuple[list[OwnerChange], int]:
        """Finish the files and make them current, in one transaction with the marks."""
        known: dict[str, object] = dict(before.sources) if before else {}
        known |= {o.source: self._about(o) for o in read}
        changes = self._owner_changes(following, read)
        if following.written or before is None:
            n, files = following.n, following.finish()
        else:
            n, files = before.n, None
        with self.ledger.begin() as connection:
            if files is not None:
                publish(connection, n=n, files=files, sources=known, now=self.now)
            else:
                _note_sources(connection, n, known)
            unmanaged = remember(connection, changes, n)
            for outcome in read:
                marks = {one.job.object: one.new_mark() for one in outcome.pulled}
                move_marks(connection, outcome.source, marks, n)
        return unmanaged, n

    def _about(self, outcome: SourceOutcome) -> dict[str, object]:
        return {
            "org_id": outcome.org_id,
            "org_name": outcome.org_name,
            "synced_at": self.now.isoformat(timespec="seconds"),
            "rejects": len(outcome.rejects),
            "announcements": list(outcome.announcements),
            "types": outcome.types,
        }

    def _owner_changes(
        self, following: NextGeneration, read: Sequence[SourceOutcome]
    ) -> list[OwnerChange]:
        """Compare who owned what; nothing is known before the first generation."""
        old, new = following.old_file("accounts"), following.written.get("accounts")
        if old is None or new is None:
            return []
        return [
            change
            for outcome in read
            for change in changed_owners(
                following.con,
                old,
                new,
                following.relation("users"),
                source=outcome.source,
                seen_at=self.now,
            )
        ]


def _announcements(
    outcome: SourceOutcome, mapping: CrmMapping
) -> Iterator[dict[str, object]]:
    """Say what is a rule or a peculiarity of the source, for the top of every audit."""
    rule = mapping.derived_owner
    if rule is not None:
        yield {"code": f"owner_rule_{rule.pick}", "table": rule.table}
    for one in outcome.pulled:
        why = one.job.why_full
        if why in {"mapping_changed", "translation_changed", "fields_changed"}:
            yield {"code": "full_pull", "object": one.job.object, "why": why}
        if one.late:
            yield {"code": "late_records", "object": one.job.object, "count": one.late}
        for note in one.staging.notes():
            yield {**note.params, "code": note.code}


def _marks(connection: Connection, source: str) -> dict[str, Mark]:
    rows = connection.execute(select(watermarks).where(watermarks.c.source == source))
    return {
        row.object: Mark(
            mark=dt.datetime.fromisoformat(row.mark) if row.mark else None,
            mapping_hash=row.mapping_hash,
            translation_version=row.translation_version,
            visible_hash=row.visible_hash,
            swept_at=dt.datetime.fromisoformat(row.swept_at) if row.swept_at else None,
        )
        for row in rows
    }


def _note_sources(
    connection: Connection, n: int, sources: Mapping[str, object]
) -> None:
    """Keep when the sources were last read, though nothing has changed."""
    connection.execute(
        update(generations).where(generations.c.n == n).values(sources=dict(sources))
    )
