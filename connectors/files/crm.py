"""The connector of a folder of files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain, groupby
from pathlib import Path
from typing import cast

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
from connectors.files.csv_text import Content, encoding_of, open_csv
from connectors.files.folder import Folder, is_workbook, readable
from connectors.files.tasks import KEY_FIELD
from connectors.files.workbook import read_workbook
from connectors.files.writing import Writer

PAGE_ROWS = 5_000
PAGE_CHARACTERS = 16 << 20
"""A page ends early when its texts are longer than this."""

BATCH = 500
"""Changes that are written with one replacement of a file."""


def open_files(settings: Mapping[str, object]) -> "FilesCRM":
    """Open a folder.

    Settings: ``folder``, a path; ``written``, the folder as people wrote it into the
    configuration; ``id_fields``, the column that identifies a record by file name or
    pattern, ``id`` where it does not say.
    """
    folder = Path(str(settings["folder"]))
    written = cast("Mapping[str, str]", settings.get("written") or {})
    return FilesCRM(
        folder,
        called=written.get("folder") or folder.name,
        id_fields=cast("Mapping[str, str]", settings.get("id_fields") or {}),
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
        id_fields: Mapping[str, str] | None = None,
        page_rows: int = PAGE_ROWS,
    ) -> None:
        self.calls = 0
        self._page_rows = page_rows
        self._folder = Folder(folder)
        self._called = called or folder.name
        self._encodings: dict[tuple[str, str], str] = {}
        self._id_fields = id_fields or {}
        self.capabilities = (
            frozenset[Capability]()
            if self._folder.has_workbooks()
            else frozenset({Capability.WRITE, Capability.KEYED_CREATES})
        )

    def identify(self) -> Identity:
        """Tell the folder's name; nobody in particular is at work here."""
        return Identity(
            org_id=f"files:{self._called}",
            org_name=self._called,
            production=False,
            local=True,
        )

    def objects(self, pattern: str) -> Sequence[str]:
        """Name the files that a pattern matches."""
        return self._folder.matching(pattern)

    def describe(self, object_name: str) -> ObjectSchema:
        """List the columns of a file, or of all files that a pattern matches."""
        fields: dict[str, Field] = {}
        for name in self._existing(object_name):
            writable = Capability.WRITE in self.capabilities
            with self._open(name) as (content, _):
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
        column = self._id_field(object_name)
        for page in self.pull(Pull(object=object_name, fields=(column,))):
            rows = [{"id": row[column]} for row in page.rows if row.get(column)]
            yield replace(page, rows=rows, numbers=None)

    def read(
        self,
        object_name: str,
        ids: Sequence[str],
        fields: Sequence[str],
    ) -> Mapping[str, Row]:
        """Read rows by id as they stand on the disk now."""
        column = self._id_field(object_name)
        missing = set(ids)
        found: dict[str, Row] = {}
        for page in self.pull(Pull(object=object_name, fields=tuple(fields))):
            for row in page.rows:
                key = str(row.get(column, "")).strip()
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
        if self._folder.has_workbooks():
            raise ReadOnlySource(source=self.name, folder=self._folder.path)
        writer = Writer(self._folder, self._id_field)
        outcomes = writer.write(batch)
        self.calls += writer.opened
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

    def _id_field(self, name: str) -> str:
        """Tell the column that identifies a record of a file."""
        for pattern, column in self._id_fields.items():
            if name == pattern or fnmatchcase(name.lower(), pattern.lower()):
                return column
        return "id"

    @contextmanager
    def _open(self, name: str) -> Iterator[tuple[Content, tuple[Note, ...]]]:
        path = self._folder.file(name)
        self.calls += 1
        with readable(path):
            if is_workbook(name):
                yield read_workbook(path), ()
                return
            encoding = self._encoding(name)
            notes = [Note(code="read_as_cp932", params={"file": name})]
            with open_csv(path, encoding) as content:
                yield content, tuple(notes if encoding == "cp932" else ())

    def _encoding(self, name: str) -> str:
        """Look at the whole of a file once, as long as it stays as it is."""
        seen = (name, self._stamp(name))
        if seen not in self._encodings:
            self._encodings[seen] = encoding_of(self._folder.file(name))
        return self._encodings[seen]

    def _pages(self, request: Pull) -> Iterator[Page]:
        names = self._existing(request.object)
        start, behind = self._resume(request, names)
        for name in names[start:]:
            stamp = self._stamp(name)
            with self._open(name) as (content, notices):
                notes = notices
                for rows, numbers in self._cut(content, behind):
                    cursor = f"{numbers[-1]}:{stamp}:{name}"
                    yield Page(rows=rows, numbers=numbers, cursor=cursor, notes=notes)
                    notes = ()
            if self._stamp(name) != stamp:
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
        if name not in names or self._stamp(name) != stamp:
            raise ResumeExpired(source=self.name, object=request.object)
        return names.index(name), int(line)

    def _stamp(self, name: str) -> str:
        path = self._folder.file(name)
        with readable(path):
            state = path.stat()
        return f"{state.st_size}-{state.st_mtime_ns}"


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
