"""The options that every command takes, before or after its name."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import click
from click.core import ParameterSource

from handover.i18n import Words

Format = Literal["table", "json", "csv", "html", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user said apart from the command."""

    config: str | None = None
    as_user: str | None = None
    as_of: dt.date | None = None
    format: Format = "table"
    output: Path | None = None
    org: str | None = None
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False
    no_input: bool = False
    yes: bool = False


@dataclass(frozen=True, kw_only=True)
class GlobalOptions:
    """What a command line has said so far; click hands it from context to context.

    ``rehearsed_on`` has the day that is taken for today, once a command has opened a
    working folder that is a rehearsal; every output says so.
    """

    words: Words
    command: str = "handover"
    options: dict[str, Any] = field(default_factory=dict)
    rehearsed_on: list[dt.date] = field(default_factory=list)

    def gathered(self) -> Options:
        """Return the options as far as they are known.

        Where no form was asked for, the suffix of ``-o`` tells it.
        """
        given = {k: v for k, v in self.options.items() if k != "lang"}
        suffix = Path(given.get("output") or "").suffix.removeprefix(".").lower()
        if "format" not in given and suffix in FORMATS:
            given["format"] = suffix
        return Options(**given)


class DayParam(click.ParamType[dt.date]):
    """A date as YYYY-MM-DD."""

    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.date:
        """Read the date."""
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date (YYYY-MM-DD)", param, ctx)


DAY = DayParam()


def _remember(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Keep what was said; a later place on the command line wins over an earlier."""
    name = param.name or ""
    if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
        option, meant = _MEANING.get(name, (name, value))
        ctx.obj.options[option] = meant


_MEANING: Mapping[str, tuple[str, object]] = {"json": ("format", "json")}
"""Options that are another word for one of the others."""


def _option(*names: str, **settings: Any) -> click.Option:  # noqa: ANN401 - click's own
    return click.Option(names, expose_value=False, callback=_remember, **settings)


def global_options() -> list[click.Option]:
    """Make the options, a fresh set for each command."""
    return [
        _option("-c", "--config", metavar="FILE", help="Configuration file."),
        _option("--as", "as_user", metavar="USER", help="Who decides."),
        _option("--lang", type=click.Choice(["ja", "en"]), help="Language."),
        _option("--as-of", type=DAY, metavar="DATE", help="The rules' today."),
        _option("--format", type=click.Choice(FORMATS), help="Form of the result."),
        _option("--json", is_flag=True, help="Same as --format json."),
        _option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Write the result to a file.",
        ),
        _option("--org", metavar="ID", help="The org that may be written to."),
        _option("-q", "--quiet", is_flag=True, help="Say only what is wrong."),
        _option("-v", "--verbose", count=True, help="Say more; -vv shows traces."),
        _option("--no-color", is_flag=True, help="No colours."),
        _option("--no-input", is_flag=True, help="Never ask."),
        _option("-y", "--yes", is_flag=True, help="Answer yes to confirmations."),
    ]


def is_on_stdout(options: Options) -> bool:
    """Return whether the result goes to stdout, which ``-o -`` stands for, too."""
    return options.output is None or str(options.output) == "-"


def is_folder(options: Options) -> bool:
    """Return whether ``-o`` names a folder: one that is there, or a bare name.

    It is asked of commands alone whose result can be several files.
    """
    output = options.output
    if output is None or is_on_stdout(options):
        return False
    return output.is_dir() or (options.format == "table" and not output.suffix)


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the options that ``HANDOVER_*`` gives; a flag says otherwise."""
    found: dict[str, Any] = {}
    if text := environ.get("HANDOVER_AS_OF"):
        found["as_of"] = DAY.convert(text, None, None)
    if text := environ.get("HANDOVER_FORMAT"):
        if text not in FORMATS:
            raise click.BadParameter(text, param_hint="HANDOVER_FORMAT")
        found["format"] = text
    if text := environ.get("HANDOVER_ORG"):
        found["org"] = text
    return found


def asked_form(argv: Sequence[str]) -> dict[str, Any]:
    """Find out before parsing whether errors are to be shown as JSON, too."""
    wanted = any(
        word in {"--json", "--format=json"} or (word == "--format" and next_ == "json")
        for word, next_ in pairwise([*argv, ""])
    )
    return {"format": "json"} if wanted else {}
