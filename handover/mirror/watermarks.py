"""What to read of each object: the records since the watermark, or everything.

Everything is read for the first time, when it is asked for, where the CRM cannot say
what has changed, and when the same records would now yield other rows.
"""

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from connectors.base import Capability, Connector, Field
from connectors.errors import NotPermitted, UnknownObject
from mappings.model import Mapping as CrmMapping
from mappings.schema import LINK_TABLES, TRANSLATION_VERSION
from mappings.translate import TranslationSettings

OVERLAP = dt.timedelta(minutes=10)
"""Records may become visible this long after their stamp."""
SWEEP_DAYS = 7
"""How often hard deletes are looked for, unless configured."""
NIGHT = dt.timedelta(days=1)
"""The time from one sync to the next."""
FEW = 4_000
"""Records that are read again each night: they cost a call or two."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far an object was read, and with what eyes."""

    mark: dt.datetime | None
    mapping_hash: str
    translation_version: int
    visible_hash: str
    swept_at: dt.datetime | None = None
    """When hard deletes were last looked for, by the server's clock."""


@dataclass(frozen=True, kw_only=True)
class PullJob:
    """One object to pull. ``why_full`` says why everything is read, if it is.

    ``unstamped`` are those of its fields whose values change without a stamp; with
    ``again`` all records are read for them beside the changes.
    """

    object: str
    fields: tuple[str, ...]
    visible: frozenset[str]
    since: dt.datetime | None
    mark: Mark
    why_full: str | None
    unstamped: tuple[str, ...] = ()
    again: bool = False

    @property
    def is_fresh(self) -> bool:
        """Whether all values are read, those without a stamp as well."""
        return self.since is None or self.again

    @property
    def key(self) -> str:
        """Return what pages are staged for; those of another key are not resumed."""
        text = (
            f"{self.object}|{self.since}|{self.mark.mapping_hash}|"
            f"{self.mark.translation_version}|{self.mark.visible_hash}"
            f"{'|again' if self.again else ''}"
        )
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Unstamped:
    """Fields of an object whose values change without a stamp.

    ``read_at``: when all records were last read, by the server's clock.
    """

    object_name: str
    fields: tuple[str, ...]
    read_at: dt.datetime | None

    @classmethod
    def of(cls, object_name: str, about: Mapping[str, Any]) -> "Unstamped":
        """Read what ``about`` wrote."""
        at = about.get("read_at")
        return cls(
            object_name=object_name,
            fields=tuple(about.get("fields") or ()),
            read_at=dt.datetime.fromisoformat(at) if at else None,
        )

    @property
    def about(self) -> dict[str, object]:
        """What is kept of it until the next sync."""
        at = self.read_at.isoformat() if self.read_at else None
        return {"fields": list(self.fields), "read_at": at}


class UnstampedPast(Protocol):
    """What earlier syncs know of records whose values change without a stamp."""

    def read_at(self, object_name: str) -> dt.datetime | None:
        """Return when all records of an object were last read."""
        ...

    def ids(self, table: str, object_name: str) -> set[str]:
        """Return the ids of the living records that the mirror has of an object."""
        ...


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """The jobs of one source."""

    connector: Connector
    mapping: CrmMapping
    settings: TranslationSettings
    marks: Mapping[str, Mark]
    full: bool
    retyped: Mapping[str, Collection[str]]
    """By object, fields that are not read: they hold another kind of value now."""
    sweep_every: dt.timedelta
    past: UnstampedPast

    def all(self) -> list[PullJob]:
        """Decide for each object whether to read everything or what changed."""
        jobs: list[PullJob] = []
        for pattern in self.mapping.objects():
            for name in self.connector.objects(pattern):
                if not self.mapping.feeds(name):
                    continue
                job = self._job(pattern, name)
                if job is not None and all(job.object != one.object for one in jobs):
                    jobs.append(job)
        return jobs

    def _job(self, pattern: str, name: str) -> PullJob | None:
        try:
            shown = self.connector.describe(name).fields
        except (NotPermitted, UnknownObject):
            return None  # its columns stand as unreadable or unmapped already
        visible = frozenset(shown) - set(self.retyped.get(pattern, ()))
        before = self.marks.get(name)
        mark = Mark(
            mark=None,
            mapping_hash=reading_hash(self.mapping, self.settings),
            translation_version=TRANSLATION_VERSION,
            visible_hash=visible_hash(self.mapping, pattern, visible),
            swept_at=before.swept_at if before else None,
        )
        why = self._why_full(name, mark)
        since = (
            None
            if why or before is None or before.mark is None
            else (before.mark - OVERLAP)
        )
        fields = _shown(self.mapping, pattern, visible)
        unstamped = tuple(f for f in fields if not _is_stamped(f, shown))
        return PullJob(
            object=name,
            fields=fields,
            visible=visible,
            since=since,
            mark=mark,
            why_full=why,
            unstamped=unstamped,
            again=bool(since and unstamped and self._is_due(name, before)),
        )

    def _is_due(self, name: str, before: Mark | None) -> bool:
        """Return whether to read all records of an object again, changed or not.

        Each night where these are few, else as often as hard deletes are looked for.
        """
        last, now = self.past.read_at(name), before.mark if before else None
        if last is None or now is None or now - last >= self.sweep_every - NIGHT:
            return True
        tables = {table for table, _ in self.mapping.fed_by(name)} - LINK_TABLES
        return bool(tables) and len(self.past.ids(min(tables), name)) <= FEW

    def _why_full(self, name: str, mark: Mark) -> str | None:
        """Return why everything has to be read, if so; the first reason counts."""
        if Capability.INCREMENTAL not in self.connector.capabilities:
            return "no_increments"
        before = self.marks.get(name)
        if before is None or before.mark is None:
            return "first"
        reasons = {
            "asked": self.full,
            "sweep": self._is_sweep_due(before),
            "mapping_changed": before.mapping_hash != mark.mapping_hash,
            "translation_changed": before.translation_version
            != mark.translation_version,
            "fields_changed": before.visible_hash != mark.visible_hash,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def _is_sweep_due(self, before: Mark) -> bool:
        """Return whether to look for hard deletes by reading everything.

        So it is where ids alone would cost as much as records. What a pull missed comes
        along, and associations, which change without a stamp. Only the server's clock
        counts, so that the last sync has to stand for now.
        """
        if Capability.SWEEP in self.connector.capabilities:
            return False
        last, now = before.swept_at, before.mark
        return last is None or now is None or now - last >= self.sweep_every - NIGHT


def reading_hash(mapping: CrmMapping, settings: TranslationSettings) -> str:
    """Return a hash of the mapping and settings by which records become rows."""
    values = (getattr(settings, field.name) for field in fields(settings))
    # A set's order differs from one process to the next.
    said = (sorted(v) if isinstance(v, frozenset) else v for v in values)
    return _hash(mapping.hash, *said)


def visible_hash(mapping: CrmMapping, pattern: str, visible: Collection[str]) -> str:
    """Return a hash of those fields of a mapping that can be seen."""
    return _hash(*sorted(_shown(mapping, pattern, visible)))


def _shown(
    mapping: CrmMapping, pattern: str, visible: Collection[str]
) -> tuple[str, ...]:
    """Return the fields to ask for; of a related record, its link has to be visible."""
    return tuple(
        name
        for name in mapping.fields(pattern)
        if name in visible or name.partition(".")[0] in visible
    )


def _is_stamped(name: str, shown: Mapping[str, Field]) -> bool:
    """Return whether a change of a field, or of what its link leads to, is noticed."""
    found = shown.get(name) or shown.get(name.partition(".")[0])
    return found is None or found.stamped


def _hash(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
