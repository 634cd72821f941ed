"""The forms of a result: text, JSON, CSV and workbook, on stdout or in a file."""

import io
import shutil
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from connectors.disk import replace_file
from handover.commands.options import Options

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

WIDTH = 120
"""Columns of text that goes into a file or a pipe."""


def write_text(show: Callable[["Console"], None], options: Options) -> None:
    """Print the human view."""
    from rich.console import Console

    class Pipe(Console):
        """Let a reader who has seen enough end the command like any other does."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    if _file(options) is None:
        console = Pipe(
            width=None if sys.stdout.isatty() else _columns(),
            no_color=options.no_color or None,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=False,
        )
        show(console)
        return
    buffer = io.StringIO()
    show(Console(file=buffer, width=WIDTH, markup=False, emoji=False, highlight=False))
    write_bytes(buffer.getvalue().encode(), options)


def print_aside(show: Callable[["Console"], None], options: Options) -> None:
    """Print something for people beside the result, on stderr."""
    from rich.console import Console

    show(
        Console(
            stderr=True,
            no_color=options.no_color or None,
            markup=False,
            emoji=False,
            highlight=False,
        )
    )


def _file(options: Options) -> Path | None:
    """Return the file asked for; ``-`` is stdout."""
    return None if str(options.output) == "-" else options.output


def _columns() -> int:
    return shutil.get_terminal_size((WIDTH, 24)).columns


def write_bytes(content: bytes, options: Options) -> None:
    """Write to stdout, or atomically to the file asked for."""
    file = _file(options)
    if file is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        if not content.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
        return
    replace_file(file, content)


def as_json(envelope: Mapping[str, object]) -> bytes:
    """Serialise the envelope; money is a number, whole where it is whole."""
    return orjson.dumps(
        envelope, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    )


def _plain(value: object) -> object:
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


def as_xlsx(frame: "pd.DataFrame", sheet: str) -> bytes:
    """Write a workbook with one sheet, a frozen header and a filter row."""
    import pandas as pd

    buffer = io.BytesIO()
    settings = {"strings_to_formulas": False, "strings_to_urls": False}
    with pd.ExcelWriter(
        buffer, engine="xlsxwriter", engine_kwargs={"options": settings}
    ) as writer:
        _inert(frame).to_excel(writer, sheet_name=sheet[:31], index=False)
        page = writer.sheets[sheet[:31]]
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, max(len(frame), 1), max(len(frame.columns) - 1, 0))
        page.autofit()
    return buffer.getvalue()


def _inert(frame: "pd.DataFrame") -> "pd.DataFrame":
    from handover.paper.safe_text import cell

    texts = frame.select_dtypes(include=["object", "string"]).columns
    shown = frame.copy()
    for column in texts:
        shown[column] = shown[column].map(cell, na_action="ignore")
    return shown
