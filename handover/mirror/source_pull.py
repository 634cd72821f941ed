"""One source's records on their way into the staging folder.

Nothing else asks for pages. First the objects are described and held against the
mapping, then each is read: side by side over a network, one after the other in files.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Connector, Identity, Pull, listing
from connectors.errors import FieldsChanged, NotPermitted
from handover.mirror.object_pull import ObjectReader, Pulled, SourcePull
from handover.mirror.threads import at_once
from handover.mirror.visibility import Describer, Memory, Types, kind_of
from handover.mirror.watermarks import Jobs, PullJob, Unstamped
from mappings.cells import Index, Lookups, index_rows
from mappings.check import Checked, MappingProblem, check
from mappings.forms import Lookup
from mappings.model import Mapping as CrmMapping

WORKERS = 4
"""Objects that are read at once from a CRM behind a network."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A CRM and its mapping. ``connect`` may fail like any call."""

    name: str
    connect: Callable[[], Connector]
    mapping: CrmMapping


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one source gave; the pages of its objects lie staged."""

    source: str
    mapping: CrmMapping
    """As it was configured."""
    identity: Identity
    calls: int
    pulled: Sequence[Pulled]
    problems: Sequence[MappingProblem]
    """What the CRM does not show of the mapping."""
    columns: Sequence[tuple[str, str, str]]
    """What could be seen: table, column and status."""
    types: Types
    """What the fields hold."""
    unstamped: Sequence[Unstamped]
    """Fields whose values change without a stamp, and how old they are."""

    def feeders(self, table: str) -> list[Pulled]:
        """List what was pulled of the objects that feed a table.

        Activities bring their links along.
        """
        wanted = {table, read_with(table)}
        return [
            one
            for one in self.pulled
            if wanted & {name for name, _ in self.mapping.fed_by(one.job.object)}
        ]

    def canonical_id(self, table: str, object_name: str, key: str) -> str:
        """Return a record's id as the mirror has it.

        Where several objects of a CRM feed a table, ids are unique within one only.
        """
        return f"{object_name}:{key}" if self._prefixed(table, object_name) else key

    def canonical_ids(self, table: str, object_name: str, keys: pa.Array) -> pa.Array:
        """Return the ids of many records of an object as the mirror has them."""
        prefix = f"{object_name}:" if self._prefixed(table, object_name) else ""
        return pc.binary_join_element_wise(prefix, keys, "")

    def _prefixed(self, table: str, object_name: str) -> bool:
        """Return whether the ids of an object's records carry its name in a table."""
        itself = any(name == table for name, _ in self.mapping.fed_by(object_name))
        return self.mapping.prefixed(table if itself else read_with(table))

    def announcements(self) -> Iterator[dict[str, object]]:
        """Yield what is a rule or a peculiarity of the source, for every audit."""
        rule = self.mapping.derived_owner
        if rule is not None:
            yield {"code": f"owner_rule_{rule.pick}", "table": rule.table}
        for one in self.pulled:
            name, why = one.job.object, one.job.why_full
            if why in {"mapping_changed", "translation_changed", "fields_changed"}:
                yield {"code": "full_pull", "object": name, "why": why}
            if one.late:
                yield {"code": "late_records", "object": name, "count": one.late}
        notes = [note for one in self.pulled for note in one.staging.notes()]
        for n, note in enumerate(notes):
            if note not in notes[:n]:
                yield {**note.params, "code": note.code}


def read_with(table: str) -> str:
    """Return the table whose records bring a table's rows."""
    return "activities" if table == "activity_links" else table


@dataclass(frozen=True, kw_only=True)
class _Described:
    """The mapping held against what the CRM shows now."""

    checked: Checked
    retyped: Mapping[str, Collection[str]]
    """By object, fields that hold another kind of value than before."""


@dataclass(kw_only=True)
class Puller:
    """Reads one source into its staging folder."""

    pull: SourcePull
    mapping: CrmMapping
    _refused: dict[str, NotPermitted] = field(default_factory=dict)
    """Objects whose first page was refused: they are hidden as a whole."""

    def read(self, identity: Identity) -> Reading:
        """Read all objects of the mapping.

        Args:
            identity: which org answers; it becomes part of the result.

        Raises:
            MappingError: the CRM lacks what the mapping names.
            ConnectorError: reading stopped; the staged pages are kept.
        """
        try:
            return self._read(identity)
        except FieldsChanged:
            # Look again at what there is; objects that are complete stay staged.
            return self._read(identity)

    def _read(self, identity: Identity) -> Reading:
        described = self._describe()
        pulled = self._read_all(described)
        if self._refused and not pulled:
            raise next(iter(self._refused.values()))
        if self._refused or any(one.lost_sight for one in pulled):
            described = self._describe()
        return Reading(
            source=self.pull.source,
            mapping=self.mapping,
            identity=identity,
            calls=self.pull.connector.calls,
            pulled=pulled,
            problems=[p for p in described.checked.problems if not p.fatal],
            columns=described.checked.columns,
            types=self._new_types(pulled, described),
            unstamped=self._unstamped(pulled),
        )

    # What there is

    def _describe(self) -> _Described:
        """Ask for the descriptions of all objects, side by side over a network."""
        memory = Memory(
            mapping=self.mapping,
            settings=self.pull.settings,
            past=self.pull.past,
            types={} if self.pull.full else self.pull.past.types,
        )
        describe = Describer(
            connector=self.pull.connector, refused=self._refused, memory=memory
        )
        names = self.mapping.objects()
        workers = 1 if self.pull.one_by_one else WORKERS
        found = at_once(describe, names, workers=workers)
        seen = dict(zip(names, found, strict=True))
        checked = check(self.mapping, seen.get, listing(self.pull.connector))
        checked.raise_errors()
        retyped = {name: one.retyped for name, one in seen.items() if one}
        return _Described(checked=checked, retyped=retyped)

    def _new_types(self, pulled: Sequence[Pulled], described: _Described) -> Types:
        """Return what the fields that were read hold, and those refused held before."""
        if self.pull.one_by_one:
            return {}
        found = dict(self.pull.past.types)
        for job in (one.job for one in pulled):
            shown = self.pull.connector.describe(job.object).fields
            before = found.get(job.object, {})
            found[job.object] = {
                **{
                    name: before[name] for name in described.retyped.get(job.object, ())
                },
                **{n: kind_of(shown[n]) for n in job.fields if n in shown},
            }
        return found

    def _unstamped(self, pulled: Sequence[Pulled]) -> list[Unstamped]:
        """List the fields that change without a stamp; what is fresh was read now."""
        return [
            Unstamped(
                object_name=job.object,
                fields=job.unstamped,
                read_at=one.progress.server_time
                if job.is_fresh
                else self.pull.past.read_at(job.object),
            )
            for one in pulled
            if (job := one.job).unstamped
        ]

    # Reading

    def _read_all(self, described: _Described) -> list[Pulled]:
        mapping = described.checked.mapping
        jobs = Jobs(
            connector=self.pull.connector,
            mapping=mapping,
            settings=self.pull.settings,
            marks=self.pull.past.marks,
            full=self.pull.full,
            sweep_every=self.pull.sweep_every,
            retyped=described.retyped,
            past=self.pull.past,
        ).all()
        stopped = Event()
        reader = ObjectReader(
            pull=self.pull,
            mapping=mapping,
            lookups=self._lookups(mapping),
            stopped=stopped,
        )
        if self.pull.one_by_one:
            found = [_read_next(reader, jobs, at) for at in range(len(jobs))]
        else:
            # Whoever reads when another one fails keeps the page they are at.
            found = at_once(reader.read, jobs, workers=WORKERS, stop=stopped.set)
        for job, one in zip(jobs, found, strict=True):
            if isinstance(one, NotPermitted):
                self._refused[job.object] = one
        return [one for one in found if isinstance(one, Pulled)]

    def _lookups(self, mapping: CrmMapping) -> Lookups:
        """Build the indexes that lookups need; they are read again each time."""
        found: dict[Lookup, Index] = {}
        for lookup in mapping.lookups():
            index = found.setdefault(lookup, Index())
            for name in self.pull.connector.objects(lookup.object):
                fields = (lookup.match, lookup.take)
                for page in self.pull.connector.pull(Pull(object=name, fields=fields)):
                    index_rows(lookup, page.rows, index)
        return found


def _read_next(
    reader: ObjectReader, jobs: Sequence[PullJob], at: int
) -> Pulled | NotPermitted:
    """Read an object, and forget ids that no later file can repeat."""
    found = reader.read(jobs[at])
    later = {table for job in jobs[at + 1 :] for table in reader.tables(job.object)}
    for table in set(reader.seen) - later:
        del reader.seen[table]
    return found
