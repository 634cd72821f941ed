"""How a command ends: a result in the form asked for, or an error in three parts.

Results go to stdout, everything else to stderr. With ``--json`` there is one envelope
on stdout, also on failure.
"""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from connectors.disk import FULL
from handover.commands.options import (
    GlobalOptions,
    Options,
    is_folder,
    is_on_stdout,
)
from handover.commands.streams import Unwritten, print_page, tell
from handover.errors import DiskFull, ExitCode, KnownError
from handover.i18n import Sentence, Words
from handover.lacks import name_lack
from handover.safe_text import plain

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something worth knowing that stops nothing; words under ``warning:<code>``."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command found or did, in every form it can be shown in.

    ``name`` gives the JSON schema ``handover.<name>/1``. ``error``: there is a result,
    and the exit code is the error's all the same. ``exit_code`` is for a command whose
    result itself is the verdict. ``is_done``: the work is done and stays done, also if
    nobody can be told. ``next`` is the command to try next. ``files``: with what a
    folder as ``-o`` is filled, by name.
    """

    name: str
    data: Mapping[str, object]
    text: Callable[["Console"], None]
    html: Callable[[], str] | None = None
    frame: Callable[[], "pd.DataFrame"] | None = None
    book: Callable[[], bytes] | None = None
    files: Callable[[], Mapping[str, bytes]] | None = None
    warnings: Sequence[Notice] = ()
    error: KnownError | None = None
    exit_code: int = ExitCode.DONE
    is_done: bool = False
    next: str | None = None
    as_of: "dt.date | None" = None


FILE = "file_problem"


def finish(result: object, said: GlobalOptions) -> int:
    """Show a result; return the exit code."""
    if not isinstance(result, Result):  # --help and --version end like this
        return int(result) if isinstance(result, int) else 0
    options, words = said.gathered(), said.words
    is_told = False
    try:
        if options.format == "json":
            _write_json(_envelope_of(result, said), options)
            is_told = is_on_stdout(options)
        else:
            for notice in [*result.warnings, *rehearsal(said.rehearsed_on)]:
                _warn(notice, options, words)
            _show(result, options, said)
        _name_file(options, words)
    except Unwritten as lost:
        has_reader_left = lost.errno == errno.EPIPE
        if not (result.is_done or has_reader_left):
            raise
        if result.is_done:
            text = "The work is done; its report went lost at {file}: {detail}"
            tell(f"! {words(text, file=lost.filename, detail=lost.strerror)}")
    if result.error is not None:
        if not is_told:
            sentence = words.sentence(result.error)
            _tell(result.error.code, sentence, options, words)
    elif result.next and sys.stderr.isatty() and not (options.quiet or is_told):
        tell(f"{words('next:')} {result.next}")
    return _exit_code(result)


def _name_file(options: Options, words: Words) -> None:
    """Tell which file was written, if one was."""
    if not (is_on_stdout(options) or options.quiet):
        tell(words("written: {file}", file=options.output))


def rehearsal(days: "Sequence[dt.date]") -> list[Notice]:
    """List that it is a rehearsal, if it is one: the day that is taken for today."""
    return [Notice(code="rehearsal", params={"day": day}) for day in days[-1:]]


def _warn(notice: Notice, options: Options, words: Words) -> None:
    if not options.quiet:
        tell(f"! {notice_text(notice, words)}")


def _exit_code(result: Result) -> int:
    return result.error.exit_code if result.error is not None else result.exit_code


def _show(result: Result, options: Options, said: GlobalOptions) -> None:
    from handover.commands import forms

    words = said.words
    marks = [notice_text(each, words) for each in rehearsal(said.rehearsed_on)]

    if result.files is not None and is_folder(options):
        forms.write_files(result.files(), options)
    elif options.format == "table":
        if not options.quiet or options.output is not None:
            forms.write_text(result.text, options)
    elif options.format == "html" and result.html is not None:
        forms.write_bytes(result.html().encode(), options)
    elif options.format == "csv" and result.frame is not None:
        forms.write_bytes(forms.as_csv(result.frame()), options)
    elif options.format == "xlsx" and result.book is not None:
        forms.write_bytes(result.book(), options)
    elif options.format == "xlsx" and result.frame is not None:
        forms.write_bytes(forms.as_xlsx(result.frame(), result.name, marks), options)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is told of an error."""

    code: str
    exit_code: int
    sentence: Sentence


def fail(error: BaseException, said: GlobalOptions) -> int:
    """Show an error; return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        try:
            print_page(error.format_message())
        except Unwritten as lost:
            return fail(lost, said)
        return ExitCode.DONE
    error = name_lack(error)
    quiet = _quiet_end(error, said)
    if quiet is not None:
        return quiet
    options = said.gathered()
    verdict = _judge(error, said.words)
    data = getattr(error, "data", None) or {}
    is_written = options.format == "json" and _write_failure(
        _failed(said, verdict, data), options
    )
    if not (is_written and is_on_stdout(options)):
        for notice in rehearsal(said.rehearsed_on):
            _warn(notice, options, said.words)
        _tell(verdict.code, verdict.sentence, options, said.words)
    if options.verbose > 1 or (verdict.exit_code == ExitCode.BUG and options.verbose):
        for line in "".join(traceback.format_exception(error)).splitlines():
            tell(line)
    return verdict.exit_code


def _quiet_end(error: BaseException, said: GlobalOptions) -> int | None:
    """Return the exit code of what ends a command without being an error."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.exceptions.Abort() | KeyboardInterrupt():
            tell(said.words("interrupted"))
            return ExitCode.INTERRUPTED
        case Unwritten() if error.errno == errno.EPIPE:  # the reader has seen enough
            return ExitCode.DONE
        case _:
            return None


def _judge(error: BaseException, words: Words) -> Verdict:
    match error:
        case KnownError():
            sentence = words.sentence(error)
            return Verdict(
                code=error.code, exit_code=error.exit_code, sentence=sentence
            )
        case OSError() if error.errno in FULL:
            return _judge(DiskFull(file=error.filename or "stdout"), words)
        case OSError():
            params = {"file": error.filename or "", "detail": error.strerror or error}
            sentence = words.error(FILE, params) or _plain(error)
            return Verdict(code=FILE, exit_code=ExitCode.USAGE, sentence=sentence)
        case click.ClickException():
            sentence = _usage_sentence(error, words)
            return Verdict(code="usage", exit_code=ExitCode.USAGE, sentence=sentence)
        case _:
            sentence = Sentence(
                what=words("This is a mistake of handover, not yours."),
                why=f"{type(error).__name__}: {error}",
                remedy=words("Run it again with -vv and report what it shows."),
            )
            return Verdict(code="bug", exit_code=ExitCode.BUG, sentence=sentence)


def _write_failure(envelope: Mapping[str, object], options: Options) -> bool:
    """Write the envelope; False where it cannot be written (a full disk, say)."""
    try:
        _write_json(envelope, options)
    except Unwritten:
        return False
    return True


def _plain(error: BaseException) -> Sentence:
    return Sentence(what=str(error), why="", remedy="")


def _usage_sentence(error: click.ClickException, words: Words) -> Sentence:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "handover"
    return Sentence(
        what=error.format_message(),
        why="",
        remedy=words("See: {command} --help", command=path),
    )


def _tell(code: str, sentence: Sentence, options: Options, words: Words) -> None:
    """Write an error to stderr; the last line is the remedy."""
    mark = f" [{code}]" if options.verbose else ""
    color = False if options.no_color or "NO_COLOR" in os.environ else None
    tell(f"{sentence.what}{mark}", alarm=f"{words('Error')}:", color=color)
    if sentence.why:
        tell(f"  {words('Reason')}: {sentence.why}")
    if sentence.remedy:
        tell(f"  → {sentence.remedy}")


def notice_text(notice: Notice, words: Words) -> str:
    """Return a notice in words."""
    return words(f"warning:{notice.code}", **notice.params)


def _envelope_of(result: Result, said: GlobalOptions) -> dict[str, object]:
    words = said.words
    error = None
    if result.error is not None:
        error = _json_error(result.error.code, words.sentence(result.error))
    return {
        "schema": f"handover.{result.name}/1",
        "ok": _exit_code(result) == 0,
        "as_of": result.as_of or said.gathered().as_of,
        "data": result.data,
        "warnings": _list_warnings(result.warnings, said),
        "error": error,
    }


def _failed(
    said: GlobalOptions, verdict: Verdict, data: Mapping[str, object]
) -> dict[str, object]:
    return {
        "schema": f"handover.{said.command}/1",
        "ok": False,
        "as_of": said.gathered().as_of,
        "data": data,
        "warnings": _list_warnings((), said),
        "error": _json_error(verdict.code, verdict.sentence),
    }


def _list_warnings(
    notices: Sequence[Notice], said: GlobalOptions
) -> list[dict[str, str]]:
    told = [*notices, *rehearsal(said.rehearsed_on)]
    return [{"code": n.code, "message": notice_text(n, said.words)} for n in told]


def _json_error(code: str, sentence: Sentence) -> dict[str, str]:
    parts = (sentence.what, sentence.why)
    message = " ".join(plain(part) for part in parts if part)
    return {"code": code, "message": message, "hint": plain(sentence.remedy)}


def _write_json(envelope: Mapping[str, object], options: Options) -> None:
    from handover.commands import forms

    forms.write_bytes(forms.as_json(envelope), options)
