"""One object's records on their way into the staging folder.

Once a week the ids of all records are looked at, too: what is not there any more was
deleted for good, and what is there and was never read became visible long after its
stamp.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from threading import Event

import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Capability, Connector, Page, Pull
from connectors.errors import NotPermitted, ResumeExpired, ShortPull
from handover.mirror.erasing import Erased
from handover.mirror.staging import Progress, Staging
from handover.mirror.visibility import Past
from handover.mirror.watermarks import OVERLAP, Mark, PullJob
from mappings.cells import Lookups
from mappings.model import Mapping as CrmMapping
from mappings.schema import LINK_TABLES
from mappings.translate import TranslationSettings, Translator

LATE_AT_ONCE = 2_000
"""Records that a sweep reads and stages together."""


@dataclass(frozen=True, kw_only=True)
class SourcePull:
    """What stays the same while one source is read."""

    source: str
    connector: Connector
    settings: TranslationSettings
    folder: Path
    """The source's staging folder."""
    past: Past
    full: bool
    """Read everything, not only what changed."""
    sweep_every: dt.timedelta
    told: Callable[[str, Page], None]
    """Called with object and page after each page."""
    erased: Erased
    """What was erased, and has to stay so."""

    @property
    def one_by_one(self) -> bool:
        """Whether objects are read one after the other: no network to wait for."""
        return Capability.INCREMENTAL not in self.connector.capabilities


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What was staged of one object."""

    job: PullJob
    staging: Staging
    progress: Progress
    swept: pa.Array | None = None
    """All ids there are, where they were looked up."""
    late: int = 0
    """Records that only the sweep has found."""

    @property
    def is_full(self) -> bool:
        """Whether everything was read, so that what did not come is gone."""
        return self.job.since is None

    @property
    def lost_sight(self) -> bool:
        """Whether a field that was asked for stopped being shown on the way."""
        return any(note.code == "field_vanished" for note in self.staging.notes())

    def new_mark(self) -> Mark:
        """Return the mark moved to the server's time when the pull began."""
        at = self.progress.server_time
        seen_all = self.is_full or self.swept is not None
        swept_at = at if seen_all else self.job.mark.swept_at
        return replace(self.job.mark, mark=at, swept_at=swept_at)


@dataclass(frozen=True, kw_only=True)
class ObjectReader:
    """Reads the objects of one source into their staging folders."""

    pull: SourcePull
    mapping: CrmMapping
    """What the CRM shows of the mapping."""
    lookups: Lookups
    stopped: Event
    """Set when reading is to end after the present pages."""
    seen: dict[str, set[str]] = field(default_factory=dict)
    """Ids so far by table: a duplicate in a later file is put aside, too."""
    countries: dict[str, str] = field(default_factory=dict)
    """Of accounts abroad: their contacts' phones are meant there."""

    def read(self, job: PullJob) -> Pulled | NotPermitted:
        """Read one object, or return the refusal of its first page: it is hidden.

        Raises:
            ConnectorError: reading stopped; the staged pages are kept.
        """
        staging = Staging(self.pull.folder, job.object, job.key)
        if self.pull.one_by_one:
            # A finished file may have changed since: look at its last page again.
            staging.reopen()
        translator = self._translator(job)
        try:
            self._read_on(job, staging, translator)
        except ResumeExpired:
            self._forget(job, staging)
            self._read_on(job, staging, translator)
        except NotPermitted as error:
            if staging.progress().pages:
                raise
            return error
        return self._complete(job, staging, translator)

    def tables(self, object_name: str) -> set[str]:
        """Return the tables that an object feeds."""
        return {table for table, _ in self.mapping.fed_by(object_name)}

    def _translator(self, job: PullJob) -> Translator:
        return Translator(
            mapping=self.mapping,
            source=self.pull.source,
            object=job.object,
            settings=self.pull.settings,
            lookups=self.lookups,
            visible_fields=job.visible,
            seen=self.seen if self.pull.one_by_one else {},
            countries=self.countries if self.pull.one_by_one else {},
        )

    def _read_on(self, job: PullJob, staging: Staging, translator: Translator) -> None:
        """Read the pages that are not staged yet."""
        if self.pull.one_by_one:
            for table in self.tables(job.object):
                translator.seen.setdefault(table, set()).update(
                    staging.ids(table).to_pylist()
                )
        progress = staging.progress()
        if progress.done:
            return
        request = Pull(
            object=job.object,
            fields=job.fields,
            since=job.since,
            resume=progress.cursor,
            again=job.again,
        )
        for page in self.pull.connector.pull(request):
            rows = translator.page(page.rows, page.numbers)
            staging.add(page, self.pull.erased.blank(job.object, rows))
            self.pull.told(job.object, page)
            if self.stopped.is_set():
                return

    def _forget(self, job: PullJob, staging: Staging) -> None:
        """Throw the pages away; the ids that were read are free again."""
        for table in self.tables(job.object) & set(self.seen):
            self.seen[table].difference_update(staging.ids(table).to_pylist())
        staging.clear()

    def _complete(
        self, job: PullJob, staging: Staging, translator: Translator
    ) -> Pulled:
        """Make sure that as much came as was promised, and look for what came late."""
        progress = staging.progress()
        if not progress.done:
            raise self._short(job, progress.rows, "?")
        if progress.promised is not None and progress.rows < progress.promised:
            raise self._short(job, progress.rows, progress.promised)
        swept = self._sweep(job, progress)
        if swept is not None and len(swept):
            late = self._read_late(job, staging, translator, swept)
        else:
            late = self._count_late(job, staging)
        return Pulled(
            job=job, staging=staging, progress=progress, swept=swept, late=late
        )

    def _short(self, job: PullJob, read: int, promised: object) -> ShortPull:
        return ShortPull(
            source=self.pull.source, object=job.object, read=read, promised=promised
        )

    # Sweeping

    def _sweep(self, job: PullJob, progress: Progress) -> pa.Array | None:
        """Read all ids there are, when it is time to look for hard deletes."""
        connector = self.pull.connector
        if job.since is None or Capability.SWEEP not in connector.capabilities:
            return None
        last, now = job.mark.swept_at, progress.server_time
        if last is not None and now is not None and now - last < self.pull.sweep_every:
            return None
        pages = [pa.array([], pa.string())]
        promised: int | None = None
        for page in connector.identifiers(job.object):
            promised = page.promised if promised is None else promised
            pages.append(pa.array([str(row["id"]) for row in page.rows], pa.string()))
        found = pa.concat_arrays(pages)
        if promised is not None and len(found) < promised:
            # Whoever is missing here would count as deleted.
            raise self._short(job, len(found), promised)
        return found

    def _read_late(
        self,
        job: PullJob,
        staging: Staging,
        translator: Translator,
        swept: pa.Array,
    ) -> int:
        """Read what the nights have missed: committed long after its stamp."""
        table = self._record_table(job.object)
        if table is None:
            return 0
        known = pa.concat_arrays(
            [self.pull.past.ids(table, job.object), staging.ids(table)]
        )
        prefix = f"{job.object}:" if self.mapping.prefixed(table) else ""
        named = pc.binary_join_element_wise(prefix, swept, "")
        late = swept.filter(pc.invert(pc.is_in(named, known))).to_pylist()
        for part in _parts(late):
            found = self.pull.connector.read(job.object, part, job.fields)
            page = Page(rows=list(found.values()))
            rows = translator.page(page.rows)
            staging.add(page, self.pull.erased.blank(job.object, rows))
        return len(late)

    def _count_late(self, job: PullJob, staging: Staging) -> int:
        """Count what the nights have missed and reading everything has brought."""
        table = self._record_table(job.object)
        before = self.pull.past.marks.get(job.object)
        if job.why_full != "sweep" or table is None or before is None:
            return 0
        if before.mark is None:
            return 0
        old = staging.ids(table, before.mark - OVERLAP).unique()
        known = self.pull.past.ids(table, job.object)
        return int(len(old) - (pc.sum(pc.is_in(old, known)).as_py() or 0))

    def _record_table(self, name: str) -> str | None:
        """Return the table that has an object's records by their ids, if any."""
        records = self.tables(name) - LINK_TABLES
        return min(records, default=None)


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while part := list(islice(rest, LATE_AT_ONCE)):
        yield part
