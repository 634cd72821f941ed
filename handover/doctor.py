"""Is this working folder fit for its work? Each check says what to do if not.

A check never changes anything; what ``doctor --fix`` can make is made by
``transfer/prepare.py``.
"""

import os
import shutil
import stat
import sys
from collections import abc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connectors.base import Capability, Connector, Identity, ListsFiles, Pull
from connectors.errors import ConnectorError, NotPermitted, UnknownObject
from handover.errors import (
    KNOWN_ERRORS,
    ExitCode,
    HandoverError,
    KnownError,
    NoGeneration,
)
from handover.i18n import Phrase
from handover.ledger import Ledger
from handover.ledger.home import check_home
from handover.mirror.generations import Generation
from handover.mirror.watermarks import Unstamped
from handover.transfer.checks import prepare_crm
from handover.transfer.owner_problems import list_owner_problems
from handover.transfer.run_files import RESERVE
from handover.transfer.verify import ledger_faults
from mappings.model import Mapping

State = Literal["ok", "warning", "failed"]
OUR_NAMES = ("cli", "connectors", "handover", "mappings")
MIB = 1024 * 1024
STALE = timedelta(hours=36)
"""A mirror older than a night and a half has missed a sync."""
CLOUD = ("onedrive", "dropbox", "google drive", "googledrive", "icloud")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at, or the error that looking at it ended with.

    ``exit_code`` is what a failure costs.
    """

    code: str
    state: State
    detail: Phrase | KnownError
    remedy: Phrase | None = None
    exit_code: int = ExitCode.DONE


def machine() -> Iterator[Check]:
    """Look at Python and at who else owns our import names."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check(
        code="python",
        state="ok",
        detail=Phrase(text="Python {v}", params={"v": version}),
    )
    owners = packages_distributions()
    others = sorted(
        {o for name in OUR_NAMES for o in owners.get(name, ()) if o != "handover"}
    )
    yield Check(
        code="names",
        state="failed" if others else "ok",
        detail=Phrase(
            text="import names also owned by: {others}",
            params={"others": ", ".join(others)},
        )
        if others
        else Phrase(text="no other package owns our import names"),
        remedy=Phrase(text="Install handover by itself, with pipx or uv tool install."),
        exit_code=ExitCode.USAGE if others else ExitCode.DONE,
    )


def folder(path: Path) -> Iterator[Check]:
    """Look at the data folder: who can read it, where it lies, how much is free."""
    if not path.exists():
        text = "{path} does not exist yet"
        detail = Phrase(text=text, params={"path": path})
        yield Check(code="folder", state="warning", detail=detail, remedy=SYNC)
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    is_open = os.name == "posix" and bool(mode & 0o077)
    yield Check(
        code="folder",
        state="failed" if is_open else "ok",
        detail=Phrase(
            text="{path} has mode {mode}", params={"path": path, "mode": f"{mode:o}"}
        ),
        remedy=Phrase(text="Run: chmod 700 {path}", params={"path": path}),
        exit_code=ExitCode.USAGE if is_open else ExitCode.DONE,
    )
    cloud = next((name for name in CLOUD if name in str(path.resolve()).lower()), None)
    if cloud:
        yield Check(
            code="cloud",
            state="warning",
            detail=Phrase(
                text="{path} lies in {cloud}", params={"path": path, "cloud": cloud}
            ),
            remedy=Phrase(text="Move the data folder to a local disk: [data] folder."),
        )
    free = shutil.disk_usage(path).free
    yield Check(
        code="disk",
        state="failed" if free < RESERVE else "ok",
        detail=Phrase(text="{mib} MiB free", params={"mib": free // MIB}),
        remedy=Phrase(
            text="Make room: writing stops below {mib} MiB.",
            params={"mib": RESERVE // MIB},
        ),
        exit_code=ExitCode.TRY_LATER if free < RESERVE else ExitCode.DONE,
    )


SYNC = Phrase(text="Run: handover sync")


def ledger(opened: Callable[[], Ledger], runs_folder: Path) -> Iterator[Check]:
    """Look for damage in the ledger, for what was changed in it, and for its home."""
    try:
        faults = opened().damage()
    except KNOWN_ERRORS as error:
        yield _failed("ledger", error)
        return
    yield Check(
        code="ledger",
        state="failed" if faults else "ok",
        detail=Phrase(
            text="ledger: {faults}", params={"faults": "; ".join(faults[:3]) or "ok"}
        ),
        remedy=Phrase(text="Put a backup of the ledger back; it cannot be rebuilt."),
        exit_code=ExitCode.USAGE if faults else ExitCode.DONE,
    )
    try:
        with opened().read() as connection:
            first = next(ledger_faults(connection, runs_folder), None)
        check_home(opened(), runs_folder)
    except KNOWN_ERRORS as error:
        yield _failed("home", error)
        return
    if first is not None:
        yield Check(
            code="chain",
            state="failed",
            detail=first.phrase,
            remedy=Phrase(text="See all of it: handover runs verify"),
            exit_code=ExitCode.REFUSED,
        )


def mirror(
    generation: Callable[[], Generation],
    sources: Sequence[str],
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[Check]:
    """Look at the age of the mirror, source by source; times are told in ``zone``."""
    try:
        known = generation().sources
    except NoGeneration:
        text = Phrase(text="there is no mirror yet")
        yield Check(code="mirror", state="warning", detail=text, remedy=SYNC)
        return
    except KNOWN_ERRORS as error:
        yield _failed("mirror", error)
        return
    for source in sources:
        synced = known.get(source, {}).get("synced_at")
        at = datetime.fromisoformat(str(synced)) if synced else None
        old = at is None or now - at > STALE
        yield Check(
            code="mirror",
            state="warning" if old else "ok",
            detail=Phrase(
                text="{source} was synced: {at}",
                params={
                    "source": source,
                    "at": f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "-",
                },
            ),
            remedy=SYNC,
        )
        yield from _unstamped(source, known.get(source, {}), zone)


def _unstamped(
    source: str, about: abc.Mapping[str, Any], zone: ZoneInfo
) -> Iterator[Check]:
    """Name values that change without a stamp, with the time they were last read."""
    for name, fields in dict(about.get("unstamped") or {}).items():
        found = Unstamped.of(name, fields)
        at = found.read_at.astimezone(zone) if found.read_at else None
        for field in found.fields:
            params = {"source": source, "object": name, "field": field}
            yield Check(
                code="unstamped",
                state="ok",
                detail=Phrase(
                    text="{source}: {object}.{field} changes without a stamp; "
                    "last read {at}",
                    params={**params, "at": f"{at:%Y-%m-%d %H:%M}" if at else "-"},
                ),
            )


def rules(name: str | None, read: Callable[[], object]) -> Iterator[Check]:
    """Look at the policy; without a name it is the built-in one."""
    found = Phrase(text="rules: {name}", params={"name": name})
    yield from _readable(
        "policy", found if name else Phrase(text="rules: the built-in ones"), read
    )


def mapping(name: str, read: Callable[[], object]) -> Iterator[Check]:
    """Look at a source's mapping."""
    found = Phrase(text="mapping: {name}", params={"name": name})
    yield from _readable("mapping", found, read)


def secrets(faults: Iterable[HandoverError]) -> Iterator[Check]:
    """List every secret that is not where the configuration says."""
    yield from (_failed("secret", fault) for fault in faults)


def crm(
    source: str,
    connect: Callable[[], Connector],
    rules: Mapping,
    *,
    allow_fix: Callable[[Identity], None] | None = None,
) -> Iterator[Check]:
    """Look at a CRM: does it answer, may it be written to, is anything missing?

    Args:
        source: its name.
        connect: opens it.
        rules: its mapping.
        allow_fix: asks whether this org may be changed and raises where it may not;
            None: nothing is made that is missing.
    """
    try:
        connector = connect()
        identity = connector.identify()
        missing = lacked = prepare_crm(connector, create=False)
    except KNOWN_ERRORS as error:
        yield _failed("crm", error)
        return
    yield Check(code="crm", state="ok", detail=_org(source, identity))
    tried = False
    makes = Capability.MAKES_FIELDS in connector.capabilities
    if allow_fix is not None and lacked and makes:
        try:
            allow_fix(identity)
            missing = prepare_crm(connector, create=True)
            tried = True
        except KNOWN_ERRORS as error:
            yield _failed("key", error)
    if Capability.WRITE not in connector.capabilities:
        yield Check(
            code="write",
            state="warning",
            detail=Phrase(
                text="{source} cannot be written to", params={"source": source}
            ),
            remedy=Phrase(text="Plans can be made, but not published or carried out."),
        )
    else:
        yield from _unwritable_owners(source, rules)
    yield from _objects(source, connector, rules)
    yield from _unread_files(source, connector)
    yield from (_made(source, name) for name in lacked if name not in missing)
    can_make = makes and not tried
    yield from (_lacking(source, name, can_make=can_make) for name in missing)


def _unwritable_owners(source: str, rules: Mapping) -> Iterator[Check]:
    """Name the tables whose owners ``reassign`` will refuse to write, and why."""
    for problem in list_owner_problems(rules):
        params = {"source": source, "table": problem.table, "why": problem.why}
        yield Check(
            code="owner_not_writable",
            state="warning",
            detail=Phrase(
                text="{source}: the owners in {table} cannot be written. {why}",
                params=params,
            ),
            remedy=Phrase(
                text="reassign will refuse; map {table}.id and {table}.owner_id to"
                " fields of the CRM.",
                params=params,
            ),
        )


def _objects(source: str, connector: Connector, rules: Mapping) -> Iterator[Check]:
    """Read the beginning of each object that the mapping names and the CRM has."""
    read = 0
    for name in (one for each in rules.objects() for one in connector.objects(each)):
        try:
            connector.describe(name)
            next(iter(connector.pull(Pull(object=name, fields=()))), None)
            read += 1
        except UnknownObject:
            continue  # whether the mapping can do without it, `mapping check` says
        except NotPermitted as error:
            yield replace(_failed("object", error), state="warning", exit_code=0)
        except ConnectorError as error:
            yield _failed("object", error)
            return
    text = "{source}: {count} objects of the mapping can be read"
    detail = Phrase(text=text, params={"source": source, "count": read})
    yield Check(code="objects", state="ok", detail=detail)


def _unread_files(source: str, connector: Connector) -> Iterator[Check]:
    """Name the files of a folder that nothing reads."""
    files = connector.unread() if isinstance(connector, ListsFiles) else ()
    if files:
        yield Check(
            code="files_not_read",
            state="warning",
            detail=Phrase(
                text="{source}: nothing reads {files}",
                params={"source": source, "files": ", ".join(files)},
            ),
            remedy=Phrase(text="Map them to a table, or take them out of the folder."),
        )


def _made(source: str, name: str) -> Check:
    text = "{source}: {name} was made"
    detail = Phrase(text=text, params={"source": source, "name": name})
    return Check(code="key", state="ok", detail=detail)


def _lacking(source: str, name: str, *, can_make: bool) -> Check:
    """Check who can give the CRM what it lacks: we, unless we may not or just tried."""
    of_object, _, permission = name.partition(":")
    text = "{source} lacks {name}; our tasks will carry their key in the text"
    if permission:
        text = "{source} does not let us write {object}: {name} is missing"
    by_admin = permission or not can_make
    return Check(
        code="permission" if permission else "key",
        state="warning",
        detail=Phrase(
            text=text,
            params={"source": source, "name": permission or name, "object": of_object},
        ),
        remedy=Phrase(text="Ask an administrator of the CRM to grant or make it.")
        if by_admin
        else Phrase(text="Run: handover doctor --fix"),
    )


def _org(source: str, identity: Identity) -> Phrase:
    text = "{source}: {name} ({org}), sandbox"
    if identity.production:
        text = "{source}: {name} ({org}), PRODUCTION"
    elif identity.local:
        text = "{source}: {name} ({org}), on this machine"
    known = {"source": source, "name": identity.org_name, "org": identity.org_id}
    return Phrase(text=text, params=known)


def _failed(code: str, error: KnownError) -> Check:
    return Check(code=code, state="failed", detail=error, exit_code=error.exit_code)


def _readable(code: str, found: Phrase, read: Callable[[], object]) -> Iterator[Check]:
    """Look whether what people write can be read; ``found`` says it where it can."""
    try:
        read()
    except KNOWN_ERRORS as error:
        yield _failed(code, error)
    else:
        yield Check(code=code, state="ok", detail=found)
