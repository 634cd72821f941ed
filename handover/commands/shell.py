"""What all commands share: how they are declared, run and rendered.

A command is a function that takes a ``Shell`` and returns a ``Result``, or raises.
``run`` turns either into output and an exit code, in one place.
"""

import datetime as dt
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from handover.commands.options import (
    Format,
    GlobalOptions,
    Options,
    asked_form,
    from_environment,
    global_options,
    is_on_stdout,
)
from handover.commands.outcome import Result
from handover.commands.streams import let_go, print_page, tell
from handover.i18n import Words, chosen_language, speak_to_click, words_for
from mappings.toml_file import nearest, parse_toml, read_text

if TYPE_CHECKING:
    from handover.jobs.workspace import Workspace


def language_for(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Choose: ``--lang``, ``HANDOVER_LANG``, the configuration, the system's."""
    config = _after(argv, "-c", "--config") or environ.get("HANDOVER_CONFIG")
    return chosen_language(
        _after(argv, "--lang"),
        environ.get("HANDOVER_LANG"),
        _configured(config or "handover.toml"),
        environ=environ,
    )


def _after(argv: Sequence[str], *names: str) -> str | None:
    for n, word in enumerate(argv):
        if word in names:
            return argv[n + 1] if n + 1 < len(argv) else None
        for name in names:
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return None


def _configured(file: str) -> str | None:
    """Look into the configuration; what is wrong with it is told by who needs it."""
    try:
        found = parse_toml(read_text(Path(file))).get("language")
    except (OSError, ValueError):
        return None
    return found if isinstance(found, str) else None


COMPLETE = "_HANDOVER_COMPLETE"
"""In this variable the script of ``handover completion`` asks for words."""


Body = TypeVar("Body", bound=Callable[..., "Result"])


@dataclass(frozen=True, kw_only=True)
class Shell:
    """What a command gets: the options, the words, and the workspace when it asks.

    ``rehearsed_on`` is told the day that is taken for today where it is a rehearsal.
    """

    options: Options
    words: Words
    rehearsed_on: list[dt.date]

    @cached_property
    def workspace(self) -> "Workspace":
        """Open what the configuration names."""
        from handover.jobs.workspace import open_workspace

        opened = open_workspace(
            self.words.language,
            config=self.options.config,
            as_of=self.options.as_of,
            as_user=self.options.as_user,
        )
        if opened.rehearsed_on:
            self.rehearsed_on.append(opened.rehearsed_on)
        return opened

    @property
    def mark(self) -> str:
        """What every page of a rehearsal bears; nothing in earnest."""
        from handover.commands.outcome import notice_text, rehearsal

        return " ".join(
            notice_text(n, self.words) for n in rehearsal(self.rehearsed_on)
        )

    @property
    def is_interactive(self) -> bool:
        """Return whether somebody is there to be asked."""
        return not self.options.no_input and sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Write to stderr about the work; it is no part of the result."""
        if not self.options.quiet:
            tell(text)

    def detail(self, text: str) -> None:
        """Write to stderr for those who asked for more."""
        if self.options.verbose:
            tell(text)


class _Speaking:
    """Help in the user's language, with the example first and the options in groups."""

    example: str | None = None

    def format_help_text(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        words = words_of(ctx)
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(words((getattr(self, "help", "") or "").strip()))
            if self.example:
                formatter.write_paragraph()
                formatter.write_text(f"$ {self.example}")

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        words = words_of(ctx)
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for param in self.get_params(ctx):  # type: ignore[attr-defined]
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                names, text = record
                everywhere = not param.expose_value and param.name != "help"
                (shared if everywhere else own).append((names, words(text)))
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        for title, records in ((words("Options"), own), (words("Everywhere"), shared)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Command(_Speaking, click.Command):
    """A command that takes a shell."""


@dataclass(frozen=True, kw_only=True)
class CommandEntry:
    """Where a command is, and its one line of help, without importing it."""

    at: str
    help: str


class Group(_Speaking, click.Group):
    """Commands by name, imported when they are run."""

    def __init__(
        self,
        name: str,
        entries: Mapping[str, CommandEntry] | None = None,
        *,
        help: str = "",  # noqa: A002 - click's own name
        version: str | None = None,
    ) -> None:
        params: list[click.Parameter] = list(global_options())
        if version is not None:
            params.append(_version_option(version))
        params.append(_help_option())
        super().__init__(name, help=help, params=params, add_help_option=False)
        self.entries = dict(entries or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the commands in the order of the work."""
        return [*self.commands, *self.entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; a word that is none gets the nearest one named."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            found = super().get_command(ctx, cmd_name)
            near = nearest(cmd_name, self.list_commands(ctx))
            if found is None and near and not ctx.resilient_parsing:
                text = "There is no command {name}. Did you mean {near}?"
                words = words_of(ctx)
                raise click.UsageError(words(text, name=cmd_name, near=near), ctx)
            return found
        module, _, attribute = entry.at.partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)  # noqa: S101 - our own table
        return found

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands from the table alone."""
        words = words_of(ctx)
        records = [
            (name, words(self._help(ctx, name))) for name in self.list_commands(ctx)
        ]
        with formatter.section(words("Commands")):
            formatter.write_dl(records)

    def _help(self, ctx: click.Context, name: str) -> str:
        entry = self.entries.get(name)
        if entry is not None:
            return entry.help
        command = self.get_command(ctx, name)
        return first_line(command.help if command else "")


def _version_option(version: str) -> click.Option:
    return _page_option("version", "Show the version.", lambda _: f"handover {version}")


def _help_option() -> click.Option:
    return _page_option("help", "Show this message and exit.", click.Context.get_help)


def _page_option(
    name: str, about: str, page: Callable[[click.Context], str]
) -> click.Option:
    """Make an option that prints a page and ends the command."""

    def show(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001
        if value and not ctx.resilient_parsing:
            print_page(page(ctx))
            ctx.exit()

    return click.Option(
        [f"--{name}"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=show,
        help=about,
    )


def first_line(text: str | None) -> str:
    """Return the first line of a help text."""
    return (text or "").strip().partition("\n")[0]


def words_of(ctx: click.Context) -> Words:
    """Return the words of the language chosen at the start."""
    return ctx.obj.words if isinstance(ctx.obj, GlobalOptions) else words_for("en")


def group(
    name: str, entries: Mapping[str, CommandEntry] | None = None
) -> Callable[[Callable[[], None]], Group]:
    """Declare a group of commands; the function's docstring is its help."""

    def declare(body: Callable[[], None]) -> Group:
        return Group(name, entries, help=first_line(body.__doc__))

    return declare


def command(
    name: str,
    *,
    example: str | None = None,
    parent: Group | None = None,
    forms: tuple[Format, ...] = (),
    many: bool = False,
) -> Callable[[Body], Command]:
    """Declare a command; the function's docstring is its help.

    Args:
        name: as it is typed.
        example: one line with real-looking values.
        parent: the group it belongs to.
        forms: what its result can be shown as apart from text and JSON.
        many: whether ``-o`` may be a folder, which its result fills with files.
    """

    def declare(body: Body) -> Command:
        own = list(reversed(getattr(body, "__click_params__", [])))

        @click.pass_context
        def callback(ctx: click.Context, /, **given: object) -> Result:
            said = ctx.ensure_object(GlobalOptions)
            options = said.gathered()
            _check_output(ctx, name, options, ("table", "json", *forms))
            _check_folder(ctx, options, many=many)
            shell = Shell(
                options=options, words=said.words, rehearsed_on=said.rehearsed_on
            )
            return body(shell, **given)

        made = Command(
            name,
            callback=callback,
            help=cleandoc(body.__doc__ or ""),
            params=[*own, *global_options(), _help_option()],
            add_help_option=False,
        )
        made.example = example
        if parent is not None:
            parent.add_command(made)
        return made

    return declare


def _check_output(
    ctx: click.Context, name: str, options: Options, forms: tuple[Format, ...]
) -> None:
    """Refuse what the result could not be shown as before anything is done."""
    words = words_of(ctx)
    if options.format not in forms:
        text = "{name} has no form {form}"
        raise click.UsageError(words(text, name=name, form=options.format), ctx)
    output = options.output
    if options.format == "xlsx" and output is None and sys.stdout.isatty():
        raise click.UsageError(words("a workbook needs -o FILE"), ctx)
    if output is None or is_on_stdout(options):
        return
    folder = output.absolute().parent
    if not folder.is_dir():
        text = "there is no folder {folder}"
        raise click.UsageError(words(text, folder=output.parent), ctx)
    if not os.access(output if output.exists() else folder, os.W_OK):
        text = "{file} may not be written"
        raise click.UsageError(words(text, file=output), ctx)


def _check_folder(ctx: click.Context, options: Options, *, many: bool) -> None:
    """Refuse a folder where a file is to be written."""
    words, output = words_of(ctx), options.output
    if output is None or not output.is_dir() or is_on_stdout(options):
        return
    if not many or options.format not in ("table", "html"):
        raise click.UsageError(words("{file} is a folder", file=output), ctx)


def run(root: Group, argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command line; return its exit code."""
    from handover.commands.outcome import fail, finish

    language = language_for(argv, environ)
    speak_to_click(language)
    if asked := environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        known = {"obj": GlobalOptions(words=words_for(language))}
        return shell_complete(root, known, "handover", COMPLETE, asked)
    command = next((word for word in argv if word in root.entries), root.name)
    said = GlobalOptions(words=words_for(language), command=command or "")
    try:
        # Errors of the command line itself are shown in the form asked for, too.
        said.options.update(asked_form(argv))
        said.options.update({**from_environment(environ), **said.options})
        with root.make_context("handover", list(argv), obj=said) as ctx:
            result = root.invoke(ctx)
        return finish(result, said)
    except BaseException as error:  # noqa: BLE001 - the one place that ends a command
        return fail(error, said)
    finally:
        let_go()
