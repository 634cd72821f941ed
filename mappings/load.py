"""Loads a mapping: lays files over the ones they extend, and checks the whole."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mappings.errors import (
    BadMapping,
    CircularMapping,
    RequiredColumn,
    RequiredTable,
    UnknownMapping,
)
from mappings.forms import Derived, Form, Plain
from mappings.model import (
    REFERRED,
    Mapping,
    ObjectMapping,
    WriteMapping,
    is_file,
    mappable,
)
from mappings.parse import (
    MappingFile,
    TablePart,
    checked,
    moving_along,
    parts,
    read,
    written,
)
from mappings.schema import LINK_TABLES, TABLES, columns
from mappings.toml_file import suggestion

BUILT_IN = Path(__file__).parent
REQUIRED_TABLES = ("users", "accounts")


def built_in() -> tuple[str, ...]:
    """List the mappings that come with the product."""
    return tuple(sorted(path.stem for path in BUILT_IN.glob("*.toml")))


def load_mapping(name_or_path: str, base: Path) -> Mapping:
    """Load a mapping with all that it extends.

    Args:
        name_or_path: a built-in mapping, or a TOML file.
        base: the folder from which a relative path is meant.

    Raises:
        MappingError: with file, key, line and the nearest name where that helps.
    """
    return _merged(tuple(_chain(name_or_path, base)))


@lru_cache(maxsize=16)
def _merged(chain: tuple[MappingFile, ...]) -> Mapping:
    """Lay files over each other; for every batch of a run they are the same ones."""
    tables: dict[str, tuple[TablePart, ...]] = {}
    also: dict[tuple[str, str], None] = {}
    write: dict[str, Any] = {}
    for file in reversed(chain):
        for table in filter(file.content.__contains__, TABLES):
            tables[table] = _lay_over(file, table, tables.get(table, ()))
        also |= dict.fromkeys(moving_along(file))
        write = written(file, write)
    top = chain[0]
    mapping = Mapping(
        name=top.path.stem,
        tables=_complete(top, tables),
        also=tuple(also),
        write=checked(top, WriteMapping, write, "write"),
        file=str(top.path),
    )
    files = any(is_file(name) for name in mapping.objects())
    return _with_own_tasks(mapping) if files else mapping


def _chain(name_or_path: str, base: Path) -> list[MappingFile]:
    """Read a mapping and what it extends, the extending ones first."""
    chain: list[MappingFile] = []
    wanted, folder, asking = name_or_path, base, ""
    while wanted:
        path = _locate(wanted, folder, asking)
        if path in [file.path for file in chain]:
            names = [*(file.path.name for file in chain), path.name]
            raise chain[-1].error(CircularMapping, "extends", chain=" > ".join(names))
        file = read(path)
        chain.append(file)
        wanted, folder, asking = file.content.get("extends", ""), path.parent, str(path)
        if not isinstance(wanted, str):
            raise file.error(BadMapping, "extends", detail="a name or path is needed")
    return chain


def _locate(name: str, folder: Path, asking: str) -> Path:
    if name in built_in():
        return BUILT_IN / f"{name}.toml"
    path = (folder / name).resolve()
    if path.is_file():
        return path
    known = [*built_in(), *sorted(file.name for file in folder.glob("*.toml"))]
    raise UnknownMapping(
        file=asking,
        line="",
        key="extends",
        name=name,
        suggestion=suggestion(name, known),
    )


def _lay_over(
    file: MappingFile, table: str, base: tuple[TablePart, ...]
) -> tuple[TablePart, ...]:
    """Lay the objects of a file over the inherited ones, field by field."""
    listed = isinstance(file.content[table], list)
    laid = list(base)
    for part in parts(file, table):
        if part.object == "":
            return ()
        at = _position(file, table, laid, part, listed=listed)
        if at is None:
            laid.append(part)
            continue
        below = laid[at]
        laid[at] = TablePart(
            object=part.object or below.object,
            fields={**below.fields, **part.fields},
            optional=below.optional if part.object is None else part.optional,
            of=part.of or below.of,
            decimal=part.decimal or below.decimal,
            encoding=part.encoding or below.encoding,
            header_row=part.header_row or below.header_row,
        )
    return tuple(laid)


def _position(
    file: MappingFile,
    table: str,
    laid: list[TablePart],
    part: TablePart,
    *,
    listed: bool,
) -> int | None:
    """Find which inherited object a part speaks of; None when it is a new one."""
    names = [below.object for below in laid]
    if part.object in names:
        return names.index(part.object)
    if (
        laid
        and not listed
        and (len(laid) == 1 or (not part.object and _has_main(table)))
    ):
        return 0
    if part.object is None:
        detail = "object is needed: " + ", ".join(filter(None, names))
        raise file.error(BadMapping, table, "object", detail=detail.removesuffix(": "))
    return None


def _has_main(table: str) -> bool:
    """Tell whether the first object is the one that people mean: users, not queues."""
    return table in REFERRED


def _complete(
    file: MappingFile, tables: dict[str, tuple[TablePart, ...]]
) -> dict[str, tuple[ObjectMapping, ...]]:
    """Check that everything required is mapped, and drop what was taken away."""
    found = {
        table: tuple(
            ObjectMapping(
                object=part.object or "",
                fields=_kept(part),
                optional=part.optional,
                of=part.of,
                decimal=part.decimal or ".",
                encoding=part.encoding,
                header_row=part.header_row,
            )
            for part in tables[table]
        )
        for table in TABLES
        if tables.get(table)
    }
    for table in REQUIRED_TABLES:
        if table not in found:
            raise file.error(RequiredTable, table, table=table)
    for table, several in found.items():
        for part in several:
            _has_required(file, table, part)
    for part in found.get("activity_links", ()):
        if not (part.of or is_file(part.object)):
            detail = "of is needed: the object of these activities"
            raise file.error(BadMapping, "activity_links", "of", detail=detail)
    for part in found["accounts"]:
        rule = part.fields["owner_id"]
        if isinstance(rule, Derived) and rule.table not in found:
            raise file.error(
                RequiredTable, "accounts", "fields", "owner_id", table=rule.table
            )
    return found


def _kept(part: TablePart) -> dict[str, Form]:
    return {name: form for name, form in part.fields.items() if form is not None}


def _has_required(file: MappingFile, table: str, part: ObjectMapping) -> None:
    for name in required(table):
        if name not in part.fields:
            raise file.error(
                RequiredColumn,
                *(table, "fields", name),
                table=table,
                name=name,
                object=part.object,
            )


def required(table: str) -> tuple[str, ...]:
    """List the columns that a source of a table must have."""
    names = (name for name, spec in columns(table).items() if spec.column.required)
    return tuple(name for name in names if name != "id" or table not in LINK_TABLES)


def _with_own_tasks(mapping: Mapping) -> Mapping:
    """Let a folder of files give back the tasks that we write into it."""
    write = mapping.write
    if write.task is None:
        built_in_write = load_mapping("files", BUILT_IN).write
        write = write.model_copy(update={"task": built_in_write.task})
    task = write.task
    parts = mapping.of("activities")
    if task is None or any(part.object == task.object for part in parts):
        return replace(mapping, write=write)
    own = ObjectMapping(
        object=task.object,
        fields={
            name: Plain(field=name, optional=True) for name in mappable("activities")
        },
        optional=True,
    )
    tables = {**mapping.tables, "activities": (*parts, own)}
    return replace(mapping, tables=tables, write=write)
