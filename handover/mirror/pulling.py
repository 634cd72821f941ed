"""One source's records on their way into the staging folder.

The only place that reads pages. Once a week the ids of all records are looked at, too:
what is not there any more was deleted for good, and what is there and was never read
became visible long after its stamp.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from threading import Event

from connectors.base import Capability, Connector, Page, Pull
from connectors.errors import FieldsChanged, NotPermitted, ResumeExpired, ShortPull
from handover.mirror.staging import Progress, Staging
from handover.mirror.threads import at_once
from handover.mirror.visibility import Describer, Memory, Statuses, Types, kind_of
from handover.mirror.watermarks import OVERLAP, Jobs, Mark, PullJob
from mappings.cells import Lookups, index_rows
from mappings.check import Checked, Seen, check
from mappings.forms import Lookup
from mappings.model import Mapping as CrmMapping
from mappings.schema import LINK_TABLES
from mappings.translate import TranslationSettings, Translator

LATE_AT_ONCE = 2_000
"""Records that a sweep reads and stages together."""
WORKERS = 4
"""Objects that are read at once from a CRM behind a network."""


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What was staged of one object."""

    job: PullJob
    staging: Staging
    progress: Progress
    swept: Sequence[str] | None = None
    """All ids there are, where they were looked up."""
    late: int = 0
    """Records that only the sweep has found."""

    @property
    def is_full(self) -> bool:
        """Everything was read, so what did not come is not there any more."""
        return self.job.since is None

    @property
    def lost_sight(self) -> bool:
        """A field that was asked for stopped being shown while it was read."""
        return any(note.code == "field_vanished" for note in self.staging.notes())

    def new_mark(self) -> Mark:
        """Move the mark to the server's time when the pull began."""
        at = self.progress.server_time
        seen_all = self.is_full or self.swept is not None
        swept_at = at if seen_all else self.job.mark.swept_at
        return replace(self.job.mark, mark=at, swept_at=swept_at)


@dataclass(kw_only=True)
class Puller:
    """Reads one source into its staging folder."""

    source: str
    connector: Connector
    mapping: CrmMapping
    settings: TranslationSettings
    folder: Path
    marks: Mapping[str, Mark]
    full: bool
    sweep_every: dt.timedelta
    statuses: Statuses
    """What the last generation could see, by table and column."""
    types: Types
    """What the fields held that were read before."""
    known: Callable[[str, str], Collection[str]]
    """Gives the ids that the mirror has of a table and object."""
    told: Callable[[str, Page], None]
    """Called with object and page after each page."""
    checked: Checked = field(init=False)
    seen: dict[str, set[str]] = field(default_factory=dict)
    """Ids so far by table: a duplicate in a later file is put aside, too."""
    retyped: dict[str, Collection[str]] = field(default_factory=dict)
    """By object, fields that hold another kind of value than before."""
    refused: dict[str, NotPermitted] = field(default_factory=dict)
    """Objects whose first page was refused: they are hidden as a whole."""
    stopped: Event = field(default_factory=Event)
    """Set when reading is to end after the present pages."""

    @property
    def one_by_one(self) -> bool:
        """Tell whether objects are read one after the other: no network to wait for."""
        return Capability.INCREMENTAL not in self.connector.capabilities

    def pull(self) -> list[Pulled]:
        """Read all objects of the mapping.

        Raises:
            MappingError: the CRM lacks what the mapping names.
            ConnectorError: reading stopped; the staged pages are kept.
        """
        given = self.mapping
        try:
            return self._pull_described(given)
        except FieldsChanged:
            # Look anew at what there is; objects that are complete stay staged (P9).
            self.stopped.clear()
            return self._pull_described(given)

    def _pull_described(self, given: CrmMapping) -> list[Pulled]:
        self._check(given)
        pulled = [one for one in self._pull_all(self._jobs()) if one is not None]
        if self.refused and not pulled:
            raise next(iter(self.refused.values()))
        if self.refused or any(one.lost_sight for one in pulled):
            self._check(given)
        return pulled

    def new_types(self, pulled: Sequence[Pulled]) -> Types:
        """Tell what the fields that were read hold, and those refused held before."""
        found = {} if self.one_by_one else dict(self.types)
        for job in (one.job for one in pulled if not self.one_by_one):
            shown = self.connector.describe(job.object).fields
            before, refused = (
                found.get(job.object, {}),
                self.retyped.get(job.object, frozenset()),
            )
            found[job.object] = {
                **{name: before[name] for name in refused},
                **{n: kind_of(shown[n]) for n in job.fields if n in shown},
            }
        return found

    def _jobs(self) -> list[PullJob]:
        return Jobs(
            connector=self.connector,
            mapping=self.mapping,
            settings=self.settings,
            marks=self.marks,
            full=self.full,
            sweep_every=self.sweep_every,
            retyped=self.retyped,
        ).all()

    def _check(self, mapping: CrmMapping) -> None:
        memory = Memory(
            mapping=mapping,
            settings=self.settings,
            marks=self.marks,
            statuses=self.statuses,
            types={} if self.full else self.types,
        )
        describe = Describer(
            connector=self.connector, refused=self.refused, memory=memory
        )
        seen = self._described(mapping, describe)
        self.retyped = {name: one.retyped for name, one in seen.items() if one}
        self.checked = check(mapping, seen.get)
        self.checked.raise_errors()
        self.mapping = self.checked.mapping

    def _described(
        self, mapping: CrmMapping, describe: Describer
    ) -> dict[str, Seen | None]:
        """Ask for the descriptions of all objects, side by side over a network."""
        names = mapping.objects()
        workers = 1 if self.one_by_one else WORKERS
        return dict(zip(names, at_once(describe, names, workers=workers), strict=True))

    def _pull_all(self, jobs: Sequence[PullJob]) -> list[Pulled | None]:
        lookups = self._lookups()
        if self.one_by_one:
            return [self._pull_next(jobs, at, lookups) for at in range(len(jobs))]
        return at_once(
            lambda job: self._pull(job, lookups),
            jobs,
            workers=WORKERS,
            stop=self.stopped.set,  # whoever reads keeps the page he is at
        )

    def _pull_next(
        self, jobs: Sequence[PullJob], at: int, lookups: Lookups
    ) -> Pulled | None:
        """Pull an object, and forget ids that no later file can repeat."""
        pulled = self._pull(jobs[at], lookups)
        later = {table for job in jobs[at + 1 :] for table in self._tables(job.object)}
        for table in set(self.seen) - later:
            del self.seen[table]
        return pulled

    def _tables(self, name: str) -> set[str]:
        return {table for table, _ in self.mapping.feeds(name)}

    # Reading

    def _lookups(self) -> dict[Lookup, dict[str, str]]:
        """Build the indexes that lookups need; they are read anew each time."""
        found: dict[Lookup, dict[str, str]] = {}
        for lookup in self.mapping.lookups():
            index = found.setdefault(lookup, {})
            for name in self.connector.objects(lookup.object):
                fields = (lookup.match, lookup.take)
                for page in self.connector.pull(Pull(object=name, fields=fields)):
                    index_rows(lookup, page.rows, index)
        return found

    def _pull(self, job: PullJob, lookups: Lookups) -> Pulled | None:
        """Read one object; None if it is hidden from us after all."""
        staging = Staging(self.folder, job.object, job.key)
        if Capability.INCREMENTAL not in self.connector.capabilities:
            # A finished file may have changed since: look at its last page again.
            staging.reopen()
        translator = self._translator(job, lookups)
        try:
            self._read_on(job, staging, translator)
        except ResumeExpired:
            self._forget(job, staging)
            self._read_on(job, staging, translator)
        except NotPermitted as error:
            if staging.progress().pages:
                raise
            self.refused[job.object] = error
            return None
        return self._complete(job, staging, translator)

    def _translator(self, job: PullJob, lookups: Lookups) -> Translator:
        return Translator(
            mapping=self.mapping,
            source=self.source,
            object=job.object,
            settings=self.settings,
            lookups=lookups,
            visible_fields=job.visible,
            seen=self.seen if self.one_by_one else {},
        )

    def _read_on(self, job: PullJob, staging: Staging, translator: Translator) -> None:
        """Read the pages that are not staged yet."""
        if self.one_by_one:
            for table in self._tables(job.object):
                translator.seen.setdefault(table, set()).update(staging.ids(table))
        progress = staging.progress()
        if progress.done:
            return
        request = Pull(
            object=job.object,
            fields=job.fields,
            since=job.since,
            resume=progress.cursor,
        )
        for page in self.connector.pull(request):
            staging.add(page, translator.page(page.rows, page.numbers))
            self.told(job.object, page)
            if self.stopped.is_set():
                return

    def _forget(self, job: PullJob, staging: Staging) -> None:
        """Begin anew; the ids that were read are free again."""
        for table in self._tables(job.object) & set(self.seen):
            self.seen[table] -= staging.ids(table)
        staging.clear()

    def _complete(
        self, job: PullJob, staging: Staging, translator: Translator
    ) -> Pulled | None:
        """Make sure that as much came as was promised."""
        progress = staging.progress()
        if not progress.done:
            raise self._short(job, progress.rows, "?")
        if progress.promised is not None and progress.rows < progress.promised:
            raise self._short(job, progress.rows, progress.promised)
        swept = self._swept(job, progress)
        if swept:
            late = self._read_late(job, staging, translator, swept)
        else:
            late = self._came_late(job, staging)
        return Pulled(
            job=job, staging=staging, progress=progress, swept=swept, late=late
        )

    def _short(self, job: PullJob, read: int, promised: object) -> ShortPull:
        return ShortPull(
            source=self.source, object=job.object, read=read, promised=promised
        )

    # Sweeping

    def _swept(self, job: PullJob, progress: Progress) -> list[str] | None:
        """List all ids there are, when it is time to look for hard deletes."""
        if job.since is None or Capability.SWEEP not in self.connector.capabilities:
            return None
        last, now = job.mark.swept_at, progress.server_time
        if last is not None and now is not None and now - last < self.sweep_every:
            return None
        found: list[str] = []
        promised: int | None = None
        for page in self.connector.identifiers(job.object):
            promised = page.promised if promised is None else promised
            found += (str(row["id"]) for row in page.rows)
        if promised is not None and len(found) < promised:
            # Whoever is missing here would count as deleted.
            raise self._short(job, len(found), promised)
        return found

    def _read_late(
        self,
        job: PullJob,
        staging: Staging,
        translator: Translator,
        swept: Sequence[str],
    ) -> int:
        """Read what the nights have missed: committed long after its stamp (P3)."""
        table = self._record_table(job.object)
        if table is None:
            return 0
        known = {*self.known(table, job.object), *staging.ids(table)}
        prefix = f"{job.object}:" if self.mapping.prefixed(table) else ""
        late = [key for key in swept if prefix + key not in known]
        for part in _parts(late):
            rows = list(self.connector.read(job.object, part, job.fields).values())
            page = Page(rows=rows)
            staging.add(page, translator.page(rows))
        return len(late)

    def _came_late(self, job: PullJob, staging: Staging) -> int:
        """Count what the nights have missed and reading everything has brought (P3)."""
        table, before = self._record_table(job.object), self.marks.get(job.object)
        if job.why_full != "sweep" or table is None or before is None:
            return 0
        if before.mark is None:
            return 0
        known = {*self.known(table, job.object)}
        return len(staging.ids(table, before.mark - OVERLAP) - known)

    def _record_table(self, name: str) -> str | None:
        """Name the table that has an object's records by their ids, if there is one."""
        records = self._tables(name) - LINK_TABLES
        return min(records, default=None)


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while part := list(islice(rest, LATE_AT_ONCE)):
        yield part
