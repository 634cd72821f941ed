"""Writing to a folder of files: one replacement for each file and batch."""

from collections.abc import Callable, Sequence

from connectors.base import Change, Create, Outcome, SetField, same_id
from connectors.files.csv_bytes import Bytes, Record, Sheet
from connectors.files.csv_text import CsvForm, checked_header, find_form
from connectors.files.encoding import BY_BYTES, recoded
from connectors.files.folder import Folder, content, publish, writable, write_draft
from connectors.files.table_form import Expected
from connectors.files.tasks import (
    KEY_FIELD,
    TASKS_FILE,
    ensure_tasks_file,
    task_row,
)


class Writer:
    """Writes batches to the files of a folder; ``opened`` counts them."""

    def __init__(self, folder: Folder, expected: Callable[[str], Expected]) -> None:
        self.opened = 0
        self._folder = folder
        self._expected = expected

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Write changes; those whose record no file holds are refused."""
        outcomes: dict[int, Outcome] = {}
        for name in {change.object: None for change in batch}:
            self._write_object(name, batch, outcomes)
        nowhere = _refused("not_found", "")
        return [outcomes.get(at, nowhere) for at in range(len(batch))]

    def _write_object(
        self, pattern: str, batch: Sequence[Change], outcomes: dict[int, Outcome]
    ) -> None:
        changes = {at: ch for at, ch in enumerate(batch) if ch.object == pattern}
        if pattern == TASKS_FILE and any(map(_creates, changes.values())):
            with writable(self._folder.path / TASKS_FILE):
                ensure_tasks_file(self._folder.path)
        name = self._folder.chosen(pattern)
        if name is not None:
            outcomes |= self._write_file(name, changes)

    def _write_file(self, name: str, changes: dict[int, Change]) -> dict[int, Outcome]:
        self.opened += 1
        with self._folder.claim(name) as path, writable(path):
            found, expected = path.stat(), self._expected(name)
            with path.open("rb") as file:
                form = find_form(file, name, expected)
            with content(path) as data:
                sheet = _sheet(data, form, name)
                checked_header(list(sheet.header), name, 1, expected.columns)
                outcomes = self._apply(sheet, changes)
                pieces = recoded(sheet.pieces(), form.encoding, bytes(data[:2]))
                draft = write_draft(path, pieces) if sheet.is_changed else None
            if draft:
                publish(draft, path, found)
        return outcomes

    def _apply(self, sheet: Sheet, changes: dict[int, Change]) -> dict[int, Outcome]:
        """Put changes into a sheet; those of records it does not hold are left out."""
        edits = {at: ch for at, ch in changes.items() if isinstance(ch, SetField)}
        creates = {at: ch for at, ch in changes.items() if isinstance(ch, Create)}
        return self._edit(sheet, edits) | _create(sheet, creates)

    def _edit(self, sheet: Sheet, changes: dict[int, SetField]) -> dict[int, Outcome]:
        if not changes:
            return {}
        expected = self._expected(next(iter(changes.values())).object)
        columns = [sheet.column(name) for name in expected.id_columns]
        places = [column for column in columns if column is not None]
        if len(places) < len(columns):
            named = ", ".join(expected.id_columns)
            refused = _refused("not_writable", f"no column {named}")
            return dict.fromkeys(changes, refused)
        ids = {change.id for change in changes.values()}
        if len(places) == 1:
            records = sheet.find(places[0], ids)
        else:
            records = sheet.find_joined(places, ids, expected.joined)
        return {
            at: _set(sheet, records[change.id], change)
            for at, change in changes.items()
            if change.id in records
        }


def _sheet(data: Bytes, form: CsvForm, name: str) -> Sheet:
    """Open the bytes of a table, of UTF-16 and the like a copy in UTF-8."""
    encoding = form.encoding.codec
    if encoding not in BY_BYTES:
        data, encoding = bytes(data).decode(encoding).encode(), "utf-8"
    return Sheet(
        data,
        encoding=encoding,
        file=name,
        separator=form.separator,
        titles=form.titles,
    )


def _creates(change: Change) -> bool:
    return isinstance(change, Create)


def _set(sheet: Sheet, record: Record, change: SetField) -> Outcome:
    column = sheet.column(change.field)
    if column is None:
        return _refused("unknown_field", change.field, change.id)
    before, after = change.before or "", change.after or ""
    current = sheet.text(record, column)
    if current == after:
        return Outcome(state="done", id=change.id, code="already")
    if not same_id(current.strip(), before.strip()):
        return _refused("changed", current, change.id)
    if "\0" in after:
        return _refused("not_encodable", change.field, change.id)
    try:
        sheet.set(record, column, after)
    except UnicodeEncodeError as error:
        return _refused("not_encodable", error.object[error.start], change.id)
    return Outcome(state="done", id=change.id)


def _create(sheet: Sheet, changes: dict[int, Create]) -> dict[int, Outcome]:
    """Append rows, but for keys that the file holds already."""
    outcomes: dict[int, Outcome] = {}
    for field in {create.key_field or KEY_FIELD: None for create in changes.values()}:
        part = {a: c for a, c in changes.items() if (c.key_field or KEY_FIELD) == field}
        column = sheet.column(field)
        if column is None:
            outcomes |= dict.fromkeys(part, _refused("unknown_field", field))
            continue
        known = set(sheet.find(column, {create.key for create in part.values()}))
        for at, create in part.items():
            if create.key in known:
                outcomes[at] = Outcome(state="done", id=create.key, code="already")
                continue
            outcomes[at] = _append(sheet, create)
            known.add(create.key)
    return outcomes


def _append(sheet: Sheet, create: Create) -> Outcome:
    row = task_row(create)
    unknown = sorted(set(row) - set(sheet.header))
    if unknown:
        return _refused("unknown_field", ", ".join(unknown))
    if any("\0" in text for text in row.values()):
        return _refused("not_encodable", "NUL")
    try:
        sheet.append(row)
    except UnicodeEncodeError as error:
        return _refused("not_encodable", error.object[error.start])
    return Outcome(state="done", id=create.key)


def _refused(code: str, message: str, record_id: str | None = None) -> Outcome:
    return Outcome(state="refused", id=record_id, code=code, message=message)
