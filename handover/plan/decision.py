"""A decision on a plan: who decided, how we know, and in what words."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

VERSION_READ = "version_read"
"""In the evidence of an approval: the version that was named as read, - if none was."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who decided something about a plan, how we know, and in what words."""

    person_id: str
    actor: str
    """The OS user, or the identity that a proxy vouches for."""
    host: str
    tool_version: str
    at: dt.datetime
    reason: str | None = None
    evidence: dict[str, str] = field(default_factory=lambda: {"kind": "session"})
    on_behalf: str | None = None
    rehearsed_on: dt.date | None = None
    """The day that was taken for today, where it was a rehearsal."""


@dataclass(frozen=True, kw_only=True)
class RecordedDecision:
    """A decision as the ledger has it."""

    decision: str
    version: int
    fingerprint: str
    as_delegate: bool
    by: Decision


@dataclass(frozen=True, kw_only=True)
class EditedBy:
    """Who edits a plan, when, and through what; ``amend`` is inside an approval."""

    person: str
    at: dt.datetime
    cause: Literal["edit", "amend", "import"] = "edit"


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Something that is done without, by whose decision and why, as far as known."""

    account_id: str
    item: str
    reason: str | None
    person_id: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What it waives."""
        return self.account_id, self.item
