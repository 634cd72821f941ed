"""The connector of a folder of files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path
from typing import Any, cast

from connectors.base import (
    Capability,
    Change,
    Create,
    Field,
    Identity,
    Note,
    ObjectSchema,
    Outcome,
    Page,
    Pull,
    Row,
)
from connectors.errors import (
    FileChanged,
    ReadOnlySource,
    ResumeExpired,
    UnknownObject,
)
from connectors.files.csv_text import Content
from connectors.files.folder import Folder, is_workbook
from connectors.files.reading import TableReader
from connectors.files.table_form import Expected
from connectors.files.tasks import KEY_FIELD, TASKS_FILE
from connectors.files.writing import Writer

PAGE_ROWS = 5_000
PAGE_CHARACTERS = 16 << 20
"""A page ends early when its texts are longer than this."""

BATCH = 500
"""Changes that are written with one replacement of a file."""


def open_files(settings: Mapping[str, object]) -> "FilesCRM":
    """Open a folder.

    Settings: ``folder``, a path; ``name``, how it is called where people configured it;
    ``objects``, by file name or pattern what the mapping says of such files: ``id`` and
    ``join``, the columns that identify a record; ``fields``, those that are read;
    ``encoding`` and ``header_row``.
    """
    folder = Path(str(settings["folder"]))
    objects = cast("Mapping[str, Mapping[str, Any]]", settings.get("objects") or {})
    return FilesCRM(
        folder,
        called=str(settings.get("name") or folder.name),
        expected={name: _expected(said) for name, said in objects.items()},
    )


def _expected(said: Mapping[str, Any]) -> Expected:
    return Expected(
        id_columns=tuple(said.get("id") or ("id",)),
        join=said.get("join") or "",
        columns=frozenset(said.get("fields") or ()),
        encoding=said.get("encoding"),
        header_row=said.get("header_row"),
    )


class FilesCRM:
    """A CRM that is a folder of CSV and XLSX files.

    Every cell is text as it stands; a row is a dict by column name. A row with more
    filled cells than the header keeps the surplus as a list under the key None, as
    ``csv.DictReader`` does; a row with fewer has empty ones. Of several rows with one
    id the first counts. A folder with a workbook in it is only read.
    """

    name = "files"

    def __init__(
        self,
        folder: Path,
        *,
        called: str = "",
        expected: Mapping[str, Expected] | None = None,
        page_rows: int = PAGE_ROWS,
    ) -> None:
        self._page_rows = page_rows
        self._folder = Folder(folder)
        self._called = called or folder.name
        self._expected = expected or {}
        self._tables = TableReader(self._folder, self._expected)
        self._written = 0
        self._told_of_unread = False
        self.capabilities = (
            frozenset[Capability]()
            if self._reads_workbooks()
            else frozenset({Capability.WRITE, Capability.KEYED_CREATES})
        )

    @property
    def calls(self) -> int:
        """How often a file was opened."""
        return self._tables.opened + self._written

    def identify(self) -> Identity:
        """Tell the folder's name; nobody in particular is at work here."""
        return Identity(
            org_id=f"files:{self._called}",
            org_name=self._called,
            production=False,
            local=True,
        )

    def objects(self, pattern: str) -> Sequence[str]:
        """Return the file that a pattern means: of several exports the newest."""
        name, _ = self._folder.newest(pattern)
        return (name,) if name else ()

    def listing(self) -> Sequence[str]:
        """List all files of the folder."""
        return self._folder.all_names()

    def unread(self) -> Sequence[str]:
        """List the files of the folder that nothing reads."""
        wanted = [*self._expected, TASKS_FILE]
        read = {name for pattern in wanted for name in self._folder.matching(pattern)}
        return [name for name in self._folder.all_names() if name not in read]

    def describe(self, object_name: str) -> ObjectSchema:
        """List the columns of the file that a name or pattern means."""
        fields: dict[str, Field] = {}
        for name in self._existing(object_name):
            writable = Capability.WRITE in self.capabilities
            with self._tables.open(name) as content:
                for column in filter(None, content.header):
                    fields[column] = Field(name=column, writable=writable)
        return ObjectSchema(name=object_name, fields=fields)

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read all rows; files know no ``since``.

        Raises:
            ResumeExpired: the file was changed since the page to go on behind.
            FileChanged: it is being written to right now.
        """
        waiting: Page | None = None
        for page in self._pages(request):
            if waiting is not None:
                yield waiting
            waiting = page
        yield replace(waiting, cursor=None) if waiting else Page(rows=())

    def identifiers(self, object_name: str) -> Iterator[Page]:
        """Read the ids of all rows; those without one are left out."""
        expected = self._tables.expected(object_name)
        for page in self.pull(Pull(object=object_name, fields=expected.id_columns)):
            ids = map(expected.id_of, page.rows)
            rows = [{"id": id_} for id_ in ids if id_]
            yield replace(page, rows=rows, numbers=None)

    def read(
        self,
        object_name: str,
        ids: Sequence[str],
        fields: Sequence[str],
    ) -> Mapping[str, Row]:
        """Read rows by id as they stand on the disk now."""
        expected = self._tables.expected(object_name)
        missing = set(ids)
        found: dict[str, Row] = {}
        for page in self.pull(Pull(object=object_name, fields=tuple(fields))):
            for row in page.rows:
                key = expected.id_of(row)
                if key in missing:
                    missing.remove(key)
                    found[key] = row
            if not missing:
                break
        return found

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Cut changes by object and into pieces of 500, in their order."""
        for _, group in groupby(changes, key=lambda change: change.object):
            part = list(group)
            for at in range(0, len(part), BATCH):
                yield part[at : at + BATCH]

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Change cells and append rows; each file is replaced once, atomically.

        A cell that does not hold what was expected is refused as ``changed``, one that
        holds the new value already is done. Nothing is ever in doubt: what was not
        reported done was not done, but for a crash between the two.

        Raises:
            ReadOnlySource: there is a workbook in the folder.
            FileInUse: somebody has a file open.
            ReadOnlyFolder, FolderFull: the system does not let us.
        """
        if self._reads_workbooks():
            raise ReadOnlySource(source=self.name, folder=self._folder.path)
        writer = Writer(self._folder, self._tables.expected)
        outcomes = writer.write(batch)
        self._written += writer.opened
        return outcomes

    def find(self, creates: Sequence[Create]) -> Mapping[str, Row]:
        """Find the tasks we created by their keys."""
        found: dict[str, Row] = {}
        for name, group in groupby(creates, key=lambda create: create.object):
            wanted = {create.key: create.key_field or KEY_FIELD for create in group}
            if self.objects(name):
                for page in self.pull(Pull(object=name, fields=())):
                    found |= _keyed(page.rows, wanted)
        return found

    def prepare(self, *, create: bool = False) -> Sequence[str]:  # noqa: ARG002
        """Need nothing: the file of our tasks is made with the first one."""
        return ()

    def _existing(self, pattern: str) -> Sequence[str]:
        names = self.objects(pattern)
        if not names:
            known = ", ".join(self._folder.names())
            raise UnknownObject(source=self.name, object=pattern, known=known)
        return names

    def _reads_workbooks(self) -> bool:
        """Tell whether a table is XLSX: then the folder is only read."""
        if not self._expected or not self._folder.has_workbooks():
            return self._folder.has_workbooks()
        chosen = map(self._folder.chosen, self._expected)
        return any(name is not None and is_workbook(name) for name in chosen)

    def _notes_of_files(self, pattern: str) -> Iterator[Note]:
        """Yield which files are not read: older exports, and those nothing names."""
        meant = [one for one in self._expected if pattern in self.objects(one)]
        for chosen, others in map(self._folder.newest, meant or [pattern]):
            if others:
                said = {"file": chosen, "others": ", ".join(others)}
                yield Note(code="newest_file", params=said)
        if self._expected and not self._told_of_unread:
            self._told_of_unread = True
            unread = self.unread()
            if unread:
                said = {"files": ", ".join(unread), "folder": self._called}
                yield Note(code="files_not_read", params=said)

    def _pages(self, request: Pull) -> Iterator[Page]:
        names = self._existing(request.object)
        start, behind = self._resume(request, names)
        for name in names[start:]:
            stamp = self._tables.stamp(name)
            with self._tables.open(name) as content:
                notes = (
                    *self._notes_of_files(request.object),
                    *self._tables.notes_before(name, content),
                )
                for rows, numbers in self._cut(content, behind):
                    cursor = f"{numbers[-1]}:{stamp}:{name}"
                    yield Page(rows=rows, numbers=numbers, cursor=cursor, notes=notes)
                    notes = ()
                notes = (*notes, *self._tables.notes_after(name, content))
                if notes:
                    yield Page(rows=(), cursor=request.resume, notes=notes)
            if self._tables.stamp(name) != stamp:
                raise FileChanged(file=name, folder=self._folder.path)
            behind = 0

    def _cut(
        self, content: Content, behind: int
    ) -> Iterator[tuple[list[Row], list[int]]]:
        """Cut rows into pages and name their cells."""
        header, width = content.header, len(content.header)
        rows: list[Row] = []
        numbers: list[int] = []
        size = 0
        for number, cells in content.rows:
            if number <= behind:
                continue
            if len(cells) == width:
                rows.append(dict(zip(header, cells, strict=True)))
            else:
                rows.append(_fitted(header, cells))
            numbers.append(number)
            size += sum(map(len, cells))
            if len(rows) == self._page_rows or size > PAGE_CHARACTERS:
                yield rows, numbers
                rows, numbers, size = [], [], 0
        if rows:
            yield rows, numbers

    def _resume(self, request: Pull, names: Sequence[str]) -> tuple[int, int]:
        """Tell which file to go on with, and behind which line."""
        if request.resume is None:
            return 0, 0
        line, stamp, name = request.resume.split(":", 2)
        if name not in names or self._tables.stamp(name) != stamp:
            raise ResumeExpired(source=self.name, object=request.object)
        return names.index(name), int(line)


def _fitted(header: Sequence[str], cells: list[str]) -> Row:
    """Fill a short row up; keep what a long one says beyond the header under None."""
    missing = [""] * (len(header) - len(cells))
    row: dict[str | None, object] = dict(
        zip(header, chain(cells, missing), strict=False)
    )
    surplus = [cell for cell in cells[len(header) :] if cell.strip()]
    if surplus:
        row[None] = surplus
    return cast("Row", row)


def _keyed(rows: Sequence[Row], wanted: Mapping[str, str]) -> dict[str, Row]:
    fields = set(wanted.values())
    return {
        str(row[field]): row
        for row in rows
        for field in fields
        if wanted.get(str(row.get(field))) == field
    }
