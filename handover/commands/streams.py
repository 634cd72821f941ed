"""The streams of the process: what is told aside, and streams that take nothing.

What was done stays done when nobody reads of it: a stream that is closed, full or at a
pipe whose reader has left changes neither the work nor, at the end, the exit code.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import click

from handover.safe_text import plain

STDOUT = "stdout"
_NAMES = ("stdin", STDOUT, "stderr")


class Unwritten(OSError):
    """A result could not be written where it should go, its ``filename``."""


@contextlib.contextmanager
def written_to(target: str) -> Iterator[None]:
    """Say of what cannot be written where it should have gone.

    Raises:
        Unwritten: in place of any other error of the system.
    """
    try:
        yield
    except OSError as error:
        raise Unwritten(error.errno, error.strerror, target) from error


def fill_closed_streams() -> None:
    """Put something in the place of standard streams that were closed.

    Else the next file that is opened, the ledger say, gets the number of stdout. What
    stands there reads and writes nothing: writing fails as on a closed stream.
    """
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDONLY)
            mode = "w" if number else "r"
            stream = os.fdopen(handle, mode, closefd=False, encoding="utf-8")
            setattr(sys, name, stream)


def tell(text: str, *, alarm: str = "", color: bool | None = None) -> None:
    """Write a line to stderr about the work; where nobody listens, go on.

    Args:
        text: what is told.
        alarm: what stands before it, in red.
        color: false where none are wanted; else terminals show them.
    """
    head = f"{click.style(alarm, fg='red', bold=True)} " if alarm else ""
    with contextlib.suppress(OSError, ValueError):  # closed, full, or nobody reads it
        click.echo(head + plain(text), err=True, color=color)


def write_out(content: bytes) -> None:
    """Write bytes to stdout, with a line end behind them.

    Raises:
        Unwritten: it is closed, full, or its reader has left.
    """
    with written_to(STDOUT):
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        if not content.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()


def print_page(text: str) -> None:
    """Print a page of help on stdout.

    Raises:
        Unwritten: it is closed, full, or its reader has left.
    """
    with written_to(STDOUT):
        click.echo(text)


def let_go() -> None:
    """Flush the streams; one that takes nothing is turned away from what it lost.

    Python flushes once more when it ends, complains of what is left, and ends with 120.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _turn_away(stream)


def _turn_away(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
