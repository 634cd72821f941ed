"""Who decides, on what grounds, and on which day."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.base import Note
from handover.errors import NoDecider
from handover.jobs.workspace import Workspace
from handover.ledger.events import newest
from handover.plan.decision import Decision

CLOCK_MAY_DIFFER = dt.timedelta(minutes=1)
"""So much may clocks that are kept by a time service differ."""


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """Why somebody decides, what shows it, and why another person types it.

    ``version`` is the one that they read, where they say so.
    """

    reason: str | None = None
    version: int | None = None
    evidence: Path | None = None
    on_behalf: str | None = None


def make_decision(workspace: Workspace, source: str, grounds: Grounds) -> Decision:
    """Put together who decides, at which machine, why, and how we know.

    Raises:
        NotARehearsal: on another day than the real one.
        NoDecider: nobody is named.
    """
    workspace.check_day()
    actor, file = workspace.actor, grounds.evidence
    evidence = {"kind": "session"}
    if file is not None:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        evidence = {"kind": "file", "name": file.name, "sha256": digest}
    return Decision(
        person_id=workspace.decider(source),
        actor=actor.user,
        host=actor.host,
        tool_version=actor.tool_version,
        at=workspace.now,
        reason=grounds.reason,
        evidence=evidence,
        on_behalf=grounds.on_behalf,
        rehearsed_on=workspace.rehearsed_on,
    )


def find_maker(workspace: Workspace, source: str) -> str | None:
    """Find who draws up a plan, if that is known; that decides nothing yet."""
    try:
        return workspace.decider(source)
    except NoDecider:
        return None


def list_clock_notes(workspace: Workspace, now: dt.datetime) -> Iterator[Note]:
    """Yield that the clock was set back, if it was; the order of runs is counted."""
    with workspace.ledger.read() as connection:
        before = newest(connection)
    if before is not None and now < before - CLOCK_MAY_DIFFER:
        zone = workspace.config.zone
        params = {
            name: f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
            for name, at in (("now", now), ("before", before))
        }
        yield Note(code="clock_ran_back", params=params)
