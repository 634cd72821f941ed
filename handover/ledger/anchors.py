"""Where the chain of events stood when a run left its files, kept beside the ledger.

The chain shows a row that was changed, but not that the chain itself was written again
from some event on, or put back as it was yesterday. So each run leaves, with its other
files, the number and hash of the newest event when it began, and again when it ended.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy import Connection, select

from connectors.disk import replace_file
from handover.ledger.tables import events

FILE = "chain.json"
ADOPTED = "run.adopted"
"""The event of a run whose files a person has accepted; its subject is the run."""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The newest event of a ledger when a run left its files: number and hash.

    ``serial`` is the run's.
    """

    run_id: str
    serial: int
    n: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class BrokenAnchor:
    """A run's files tell of an event that the chain does not have.

    ``what``: ``cut`` where the chain ends before it, ``rewritten`` where it has another
    there, ``unreadable`` where the file tells nothing.
    """

    run_id: str
    what: str
    n: int = 0
    hash: str = ""


def newest_anchor(connection: Connection, run_id: str, serial: int) -> Anchor:
    """Return where the chain stands now."""
    last = select(events.c.n, events.c.hash).order_by(events.c.n.desc()).limit(1)
    row = connection.execute(last).one()
    return Anchor(run_id=run_id, serial=serial, n=row.n, hash=row.hash)


def write_anchor(folder: Path, anchor: Anchor) -> None:
    """Write an anchor into the folder of its run."""
    content = {"serial": anchor.serial, "events": anchor.n, "hash": anchor.hash}
    replace_file(folder / FILE, orjson.dumps(content), mode=0o600)


def list_broken(connection: Connection, runs_folder: Path) -> Iterator[BrokenAnchor]:
    """Yield the runs whose files the chain does not bear out, by name.

    What a person has adopted is left out.
    """
    there = {
        row.n: row.hash for row in connection.execute(select(events.c.n, events.c.hash))
    }
    adopted = _adopted(connection)
    for path in sorted(runs_folder.glob(f"*/{FILE}")):
        broken = _judge(path.parent.name, path, there)
        if broken is not None and adopted.get(broken.run_id) != broken.hash:
            yield broken


def is_adopted(connection: Connection, run_id: str, hash_: str) -> bool:
    """Tell whether a person has accepted a run as far as this hash."""
    return _adopted(connection).get(run_id) == hash_


def _judge(run_id: str, path: Path, there: Mapping[int, str]) -> BrokenAnchor | None:
    try:
        found = orjson.loads(path.read_bytes())
        n, hash_ = int(found["events"]), str(found["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return BrokenAnchor(run_id=run_id, what="unreadable")
    if there.get(n) == hash_:
        return None
    what = "rewritten" if n in there else "cut"
    return BrokenAnchor(run_id=run_id, what=what, n=n, hash=hash_)


def _adopted(connection: Connection) -> dict[str, str]:
    """Return the hash up to which each adopted run's files were accepted."""
    wanted = select(events.c.subject, events.c.details).where(events.c.kind == ADOPTED)
    return {
        row.subject: str((row.details or {}).get("hash", ""))
        for row in connection.execute(wanted.order_by(events.c.n))
    }
