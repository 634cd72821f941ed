"""Reading the tables of a folder, each in the form in which it was found."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase

from connectors.base import Note
from connectors.errors import WrongEncoding
from connectors.files.csv_text import Content, CsvForm, find_form, open_csv
from connectors.files.folder import Folder, is_workbook, readable
from connectors.files.table_form import Expected
from connectors.files.workbook import read_workbook

NAMED = 3
"""Rows that were left out and are quoted."""


class TableReader:
    """Opens tables; ``opened`` counts how often."""

    def __init__(self, folder: Folder, expected: Mapping[str, Expected]) -> None:
        self.opened = 0
        self._folder = folder
        self._expected = expected
        self._forms: dict[tuple[str, str], CsvForm] = {}

    def expected(self, name: str) -> Expected:
        """Return what the mapping says of a file, by its name or a pattern."""
        for pattern, expected in self._expected.items():
            if name == pattern or fnmatchcase(name.lower(), pattern.lower()):
                return expected
        return Expected()

    @contextmanager
    def open(self, name: str) -> Iterator[Content]:
        """Read a table; its rows must be taken before the context is left.

        Raises:
            UnreadableFile: it is not what its name says, or not in the encoding that
                the mapping names.
            FileInUse, FileChanged: as ``readable`` says.
        """
        path, expected = self._folder.file(name), self.expected(name)
        self.opened += 1
        with readable(path):
            if is_workbook(name):
                yield read_workbook(path, expected)
                return
            try:
                with open_csv(path, self._form(name), expected) as content:
                    yield content
            except UnicodeDecodeError as error:
                encoding = expected.encoding or error.encoding
                raise WrongEncoding(file=name, encoding=encoding) from error

    def stamp(self, name: str) -> str:
        """Return what tells one state of a file from another."""
        path = self._folder.file(name)
        with readable(path):
            state = path.stat()
        return f"{state.st_size}-{state.st_mtime_ns}"

    def notes_before(self, name: str, content: Content) -> Iterator[Note]:
        """Yield what had to be found out about the form of a table."""
        encoding = None if is_workbook(name) else self._form(name).encoding
        if encoding and encoding.sample:
            said = {"encoding": encoding.codec, "sample": encoding.sample}
            yield Note(code=f"read_as_{encoding.codec}", params={"file": name, **said})
        if content.body.titled:
            line = {"file": name, "line": content.header_line}
            yield Note(code="header_found", params=line)

    def notes_after(self, name: str, content: Content) -> Iterator[Note]:
        """Yield what was left out of a table, once all its rows were taken."""
        left_out = content.body.left_out
        if left_out:
            first = "; ".join(f"{line}: {said}" for line, said in left_out[:NAMED])
            more = ["…"] if len(left_out) > NAMED else []
            said = {"count": len(left_out), "rows": " ".join([first, *more])}
            yield Note(code="rows_left_out", params={"file": name, **said})
        for column, count in content.body.blank_groups():
            said = {"column": column, "count": count}
            yield Note(code="group_left_blank", params={"file": name, **said})

    def _form(self, name: str) -> CsvForm:
        """Look at the whole of a file once, as long as it stays as it is."""
        seen = (name, self.stamp(name))
        if seen not in self._forms:
            with self._folder.file(name).open("rb") as file:
                self._forms[seen] = find_form(file, name, self.expected(name))
        return self._forms[seen]
