"""What the phases of a sync hand on, and what it tells whoever asked for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handover.errors import KnownException
from handover.mirror.aside import Aside
from handover.mirror.merging import Counts
from handover.mirror.owners import GoneAccount, OwnerChange
from handover.mirror.source_pull import Reading
from handover.mirror.watermarks import Unstamped
from mappings.check import MappingProblem
from mappings.schema import LINK_TABLES


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A source that could not be read."""

    source: str
    error: KnownException


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of one source's records. ``asides`` is what it lacks now."""

    counts: Mapping[str, Counts]
    asides: Sequence[Aside]


@dataclass(frozen=True, kw_only=True)
class Published:
    """The generation that is current now, whom others gave away, and who is gone."""

    generation: int | None
    unmanaged: Sequence[OwnerChange] = ()
    gone: Sequence[GoneAccount] = ()


@dataclass(frozen=True, kw_only=True)
class SourceOutcome:
    """What became of one source, for whoever asked for the sync."""

    source: str
    error: KnownException | None = None
    calls: int = 0
    counts: Mapping[str, Counts] = field(default_factory=dict)
    asides: Sequence[Aside] = ()
    problems: Sequence[MappingProblem] = ()
    announcements: Sequence[Mapping[str, object]] = ()
    unstamped: Sequence[Unstamped] = ()


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What a sync did. ``generation`` is the current one, None when there is none."""

    generation: int | None
    outcomes: Sequence[SourceOutcome]
    unmanaged: Sequence[OwnerChange]
    gone: Sequence[GoneAccount]
    """Customers who were in the last generation."""

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
    def asides(self) -> list[Aside]:
        """List what the sources that were read lack now, also since earlier nights."""
        return [one for outcome in self.outcomes for one in outcome.asides]


def outcome_of(found: Reading | Unread, merged: Mapping[str, Merged]) -> SourceOutcome:
    """Return what became of a source that was read, or could not be."""
    if isinstance(found, Unread):
        return SourceOutcome(source=found.source, error=found.error)
    return SourceOutcome(
        source=found.source,
        calls=found.calls,
        counts=merged[found.source].counts,
        asides=merged[found.source].asides,
        problems=found.problems,
        announcements=list(found.announcements()),
        unstamped=found.unstamped,
    )
