"""The forms of a result: text, JSON, CSV and workbook, on stdout or in a file."""

import datetime as dt
import io
import shutil
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from connectors.disk import replace_private_file
from handover.commands.options import Options, is_on_stdout
from handover.commands.streams import STDOUT, write_out, written_to
from handover.safe_text import cell, plain, plain_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import Console

WIDTH = 120
"""Columns of text that goes into a file or a pipe."""


def write_text(show: Callable[["Console"], None], options: Options) -> None:
    """Print the human view.

    Raises:
        Unwritten: it could not be printed.
    """
    from handover.paper.console import Console

    buffer = io.StringIO()
    if not is_on_stdout(options):
        show(Console(file=buffer, width=WIDTH))
        write_bytes(buffer.getvalue().encode(), options)
        return
    width = None if sys.stdout.isatty() else _columns()
    with written_to(STDOUT):
        show(Console(width=width, no_color=options.no_color or None))


def print_aside(show: Callable[["Console"], None], options: Options) -> None:
    """Print something for people beside the result, on stderr."""
    from handover.paper.console import Console

    show(Console(stderr=True, no_color=options.no_color or None))


def _columns() -> int:
    return shutil.get_terminal_size((WIDTH, 24)).columns


def write_bytes(content: bytes, options: Options) -> None:
    """Write to stdout, or atomically to the file asked for, which is its owner's.

    Raises:
        Unwritten: it could not be written.
    """
    if options.output is None or is_on_stdout(options):
        write_out(content)
    else:
        with written_to(str(options.output)):
            replace_private_file(options.output, content)


def write_files(files: Mapping[str, bytes], options: Options) -> None:
    """Fill the folder asked for, which is made if need be and is its owner's alone.

    A file of the same name is replaced; others that lie there stay.

    Raises:
        Unwritten: one could not be written.
    """
    folder = options.output
    assert folder is not None  # noqa: S101 - whoever calls has asked
    with written_to(str(folder)):
        folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        with written_to(str(folder / name)):
            replace_private_file(folder / name, content)


def as_json(envelope: Mapping[str, object]) -> bytes:
    """Serialise the envelope; money is a number, whole where it is whole.

    What it says stays as it is: what cannot be seen is written as JSON's own escapes.
    """
    try:
        content = _dump(envelope)
    except orjson.JSONEncodeError:  # half a surrogate pair, from the command line
        content = _dump(_mend_surrogates(envelope))
    return plain_json(content.decode()).encode()


def _dump(value: object) -> bytes:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=_plain_value, option=options)


def _mend_surrogates(value: object) -> object:
    """Put a stand-in for what is no character; JSON is UTF-8 (RFC 8259, 8.1)."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case Path():
            return _mend_surrogates(str(value))
        case Mapping():
            return {_mend_surrogates(k): _mend_surrogates(v) for k, v in value.items()}
        case list() | tuple():
            return [_mend_surrogates(each) for each in value]
        case _:
            return value


def _plain_value(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    named = getattr(value, "_asdict", None)
    if callable(named):
        return named()
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    raise TypeError(type(value).__name__)


def as_csv(frame: "pd.DataFrame") -> bytes:
    """Write CSV that Excel reads: with a BOM, CRLF, and no cell that computes."""
    text = _inert(frame).to_csv(index=False, lineterminator="\r\n")
    return text.encode("utf-8-sig")


LONGEST = 32_767
"""Characters of a cell (Excel specifications and limits)."""


def as_xlsx(frame: "pd.DataFrame", name: str, marks: "Sequence[str]" = ()) -> bytes:
    """Write a workbook with one sheet, a frozen header and a filter row.

    Args:
        frame: what it has in its rows.
        name: of the sheet.
        marks: what is to be seen beside the rows, on the screen and in print.
    """
    import pandas as pd

    buffer = io.BytesIO()
    settings = {"strings_to_formulas": False, "strings_to_urls": False}
    with pd.ExcelWriter(
        buffer, engine="xlsxwriter", engine_kwargs={"options": settings}
    ) as writer:
        shown = _inert(frame).map(_cut, na_action="ignore")
        shown.to_excel(writer, sheet_name=name[:31], index=False)
        page = writer.sheets[name[:31]]
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, max(len(frame), 1), max(len(frame.columns) - 1, 0))
        page.autofit()
        for mark in marks:
            page.set_header(f"&C&B{mark.replace('&', '&&')}")
            page.set_tab_color("red")
            # Beside the header: a row of its own would be read as a row of data.
            page.write_string(0, len(frame.columns) + 1, mark)
    return buffer.getvalue()


def _inert(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return a frame whose texts, also those above its columns, compute nothing."""
    shown = frame.rename(columns=lambda name: cell(plain(str(name))))
    for column in shown.select_dtypes(include=["object", "string"]).columns:
        shown[column] = shown[column].map(_inert_value, na_action="ignore")
    return shown


def _inert_value(value: object) -> object:
    if isinstance(value, int | float | Decimal | dt.date):
        return value
    return cell(plain(str(value)))


def _cut(value: object) -> object:
    """Cut a text that no cell would take; a page and JSON have the whole of it."""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[: LONGEST - 1]}…"
    return value
