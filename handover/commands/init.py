"""``handover init``: a working folder, with questions where somebody can answer.

What a CRM needs to know is declared by its connector (``connectors/settings.py``).
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

import click

from connectors.registry import described_kinds, settings_model
from connectors.settings import (
    ConnectorSettings,
    Example,
    LocalPath,
    LogIn,
    Question,
    Secret,
)
from handover.commands.outcome import Result
from handover.commands.shell import Shell, command
from handover.config import JAPAN
from handover.errors import UsageProblem

if TYPE_CHECKING:
    from rich.console import Console

    from handover.i18n import Words

CONFIG = """\
# handover: one working folder, one configuration. Unknown keys are errors.
language = "{language}"
timezone = "{timezone}"

{time}
{crm}
[people]
file = "people.csv"                      # managers, delegates and absences

# The rules are built in: handover policy show. To change some, write only those here:
# [policy]
# file = "policy.toml"

[money]
currency = "{currency}"                         # where the CRM names none

[calendar]
country = "{country}"                           # national holidays
{closed}
"""

CLOSED = '"2026-12-29/2027-01-03", "2027-05-01"'
IN_EARNEST = "true: only to rehearse on copies, with --as-of on any day"
REHEARSAL = "made-up customers: --as-of may be any day"

COMMENTS_AT = 41
"""The column in which comments begin."""
SECRETS = "secrets are references: env: keyring: file:"

PEOPLE = "user,login,manager,delegate,team,title,phone,region,absent_from,absent_to\r\n"
IGNORE = """\
# Persons' data and secrets do not belong under version control. What is written with
# -o under a name without one of these endings has to be added here.
.handover/
{folders}people.csv
*.csv
*.html
*.json
*.txt
*.xlsx
.env
*.key
*.pem
*.token
handover.toml.bak
"""


OF_CRM = Question(
    text="Where are the customers kept?",
    default=described_kinds()[0],
    choices=described_kinds(),
)
LOG_IN = "auth"
"""The answer to how to log in; not every CRM keeps it in a key."""
OF_COMPANY = {
    "country": Question(
        text="In which country (holidays, phone numbers)?",
        default="JP",
        pattern="[A-Z]{2}",
    ),
    "currency": Question(
        text="In which currency are amounts?", default="JPY", pattern="[A-Z]{3}"
    ),
    "timezone": Question(
        text="In which time zone do days begin?",
        default="Asia/Tokyo",
        choices=tuple(sorted(available_timezones())),
        are_listed=False,
    ),
}


class AlreadyInitialised(UsageProblem):
    """There is something here already (``file``); it is not overwritten."""

    code = "already_initialised"


@command("init", example="handover init --demo")
@click.option("--demo", is_flag=True, help="Make a sample company to try things on.")
@click.option(
    "--crm",
    type=click.Choice(OF_CRM.choices),
    help="Where the customers are kept.",
)
def init(shell: Shell, *, demo: bool, crm: str | None) -> Result:
    """Set up a working folder."""
    config = Path(shell.options.config or "handover.toml")
    for path in _in_the_way(config, demo=demo):
        raise AlreadyInitialised(file=path)
    words = shell.words if shell.is_interactive and not demo else None
    kind = "files" if demo else crm or _ask(OF_CRM, words)
    model = settings_model(kind)
    answers = {key: _ask(one, words) for key, one in _of_crm(model).items()}
    company = {key: _ask(one, words) for key, one in OF_COMPANY.items()}
    section = "\n".join(_section(kind, model, answers))
    content = CONFIG.format(
        language=shell.words.language,
        time=_time_section(shell.words, demo=demo),
        crm=section,
        closed=_line("closed", _propose_closed(company["country"]), CLOSED),
        **company,
    )
    folders = [answers[key] for key in dict(model.marked(LocalPath)) if key in answers]
    made = _write(config, content, folders, demo=demo)
    if demo:
        _fill(shell, config.parent)
    else:
        for folder in folders:
            (config.parent / folder).mkdir(parents=True, exist_ok=True)

    def show(console: "Console") -> None:
        for path in made:
            console.print(f"○ {path}")
        if demo:
            console.print(f"○ {config.parent / 'export'}")

    return Result(
        name="init",
        data={"files": [str(path) for path in made], "crm": kind, "demo": demo},
        text=show,
        is_done=True,
        next="handover audit" if demo else "handover doctor",
    )


def _in_the_way(config: Path, *, demo: bool) -> "Iterator[Path]":
    """Find what would be overwritten: a sample company must not replace a real one."""
    if config.exists():
        yield config
    if demo:
        yield from config.parent.glob("people.csv")
        yield from config.parent.glob("export/*")


def _of_crm(model: type[ConnectorSettings]) -> dict[str, Question]:
    """List what has to be asked of a CRM, and how to log in there."""
    questions = dict(model.marked(Question))
    if ways := model.log_ins:
        text = "How does handover log in?"
        questions[LOG_IN] = Question(text=text, default=ways[0], choices=ways)
    return questions


def _ask(question: Question, words: "Words | None") -> str:
    """Ask until the answer fits; without words nobody is there to be asked."""
    if words is None:
        return question.default

    def checked(answer: str) -> str:
        if question.takes(answer) and '"' not in answer:
            return answer
        raise click.UsageError(words("{answer} cannot be used here", answer=answer))

    text = words(question.text)
    if question.choices and question.are_listed:
        text = f"{text} ({', '.join(question.choices)})"
    asked = click.prompt(text, default=question.default, value_proc=checked, err=True)
    return str(asked)


def _section(
    kind: str, model: type[ConnectorSettings], answers: Mapping[str, str]
) -> Iterator[str]:
    """Write a CRM's section: what was answered, and examples of what is needed."""
    examples, log_in = dict(model.marked(Example)), dict(model.marked(LogIn))
    way = answers.get(LOG_IN, "")
    needed = [key for key, one in examples.items() if one.is_needed(way)]
    explained = next((key for key, _ in model.marked(Secret) if key in needed), "")
    yield f"[crm.{kind}]"
    for key in model.model_fields:
        example = examples.get(key)
        comment = example.comment if example else ""
        if key in log_in:
            yield _line(key, answers[LOG_IN])
        elif key in answers:
            yield _line(key, answers[key], comment)
        elif example and key in needed:
            about = comment or (SECRETS if key == explained else "")
            yield _line(key, example.value, about, is_off=example.commented_out)
    default = model.model_fields["mapping"].get_default() or kind
    yield _line("mapping", default, f'or yours: extends = "{default}"')
    yield ""


def _propose_closed(country: str) -> list[str]:
    """Propose the days on which companies close, for a person to correct."""
    year = dt.datetime.now(dt.UTC).year
    return [f"{year}-12-29/{year + 1}-01-03"] if country == JAPAN else []


def _time_section(words: "Words", *, demo: bool) -> str:
    """Write whether days may be made up; only those of a sample company may."""
    text = REHEARSAL if demo else IN_EARNEST
    return f"[time]\n{_line('rehearsal', demo, words(text))}\n"


def _line(
    key: str, value: str | int | list[str], comment: str = "", *, is_off: bool = False
) -> str:
    """Write a key with a comment behind it; ``is_off``: as a comment itself."""
    match value:
        case str():
            shown = f'"{value}"'
        case list():
            shown = "[" + ", ".join(f'"{each}"' for each in value) + "]"
        case _:
            shown = str(value).lower()
    line = f"{'# ' if is_off else ''}{key} = {shown}"
    return f"{line:<{COMMENTS_AT - 1}} # {comment}" if comment else line


def _write(
    config: Path, content: str, folders: Iterable[str], *, demo: bool
) -> list[Path]:
    """Write what is not there yet; return the files written."""
    ignored = IGNORE.format(folders="".join(map(_ignored, folders)))
    wanted = {config: content, config.with_name(".gitignore"): ignored}
    if not demo:
        wanted[config.with_name("people.csv")] = PEOPLE
    made = []
    for path, text in wanted.items():
        if not path.exists():
            path.write_text(text, encoding="utf-8", newline="")
            made.append(path)
    return made


def _ignored(folder: str) -> str:
    """Return the line of a .gitignore that leaves a folder out, if it is inside."""
    path = PurePath(folder)
    if path.is_absolute() or ".." in path.parts:
        return ""
    name = re.sub(r"([\\*?\[\]#! ])", r"\\\1", path.as_posix())
    return f"/{name}/\n"


def _fill(shell: Shell, folder: Path) -> None:
    """Write the sample company and copy it into the mirror, so that audit has work."""
    from handover.demo import write_demo
    from handover.jobs.sync import sync_workspace

    write_demo(folder, shell.workspace.as_of)
    sync_workspace(shell.workspace)
