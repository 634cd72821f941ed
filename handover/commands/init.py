"""``handover init``: a working folder, with questions where somebody can answer."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handover.commands import questions
from handover.commands.outcome import Result
from handover.commands.shell import Shell, command
from handover.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

LOGINS = {
    "client_credentials": """\
client_id = "env:SF_CLIENT_ID"           # secrets are references: env: keyring: file:
client_secret = "env:SF_CLIENT_SECRET"
""",
    "jwt": """\
client_id = "env:SF_CLIENT_ID"           # secrets are references: env: keyring: file:
key = "file:salesforce.key"              # the private key, readable by you alone
username = "handover@example.com"        # the integration user
""",
    "refresh_token": """\
client_id = "env:SF_CLIENT_ID"           # secrets are references: env: keyring: file:
client_secret = "env:SF_CLIENT_SECRET"
refresh_token = "env:SF_REFRESH_TOKEN"
""",
    "access_token": """\
token = "env:SF_TOKEN"                   # secrets are references: env: keyring: file:
""",
    "token": """\
token = "env:HUBSPOT_TOKEN"              # secrets are references: env: keyring: file:
""",
    "oauth": """\
client_id = "env:HUBSPOT_CLIENT_ID"      # secrets are references: env: keyring: file:
client_secret = "env:HUBSPOT_CLIENT_SECRET"
refresh_token = "env:HUBSPOT_REFRESH_TOKEN"
""",
}

CRM = {
    "files": """\
[crm.files]
folder = "{folder}"                        # one CSV or XLSX per table
mapping = "files"                        # or yours: extends = "files"
""",
    "salesforce": """\
[crm.salesforce]
# org_id = "00D..."                      # pin it: another org is then refused
base_url = "{base_url}"
auth = "{auth}"
{login}mapping = "salesforce"                   # or yours: extends = "salesforce"
""",
    "hubspot": """\
[crm.hubspot]
# portal_id = 12345678                   # pin it: another portal is then refused
{login}mapping = "hubspot"                      # or yours: extends = "hubspot"
""",
}

CONFIG = """\
# handover: one working folder, one configuration. Unknown keys are errors.
language = "{language}"
timezone = "{timezone}"

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
closed = []                              # "2026-12-29/2027-01-03", "2027-05-01"
"""

PEOPLE = "user,login,manager,delegate,team,region,absent_from,absent_to\r\n"
IGNORE = ".handover/\nhandover.toml.bak\n"


class AlreadyInitialised(UsageProblem):
    """There is something here already (``file``); it is not overwritten."""

    code = "already_initialised"


@command("init", example="handover init --demo")
@click.option("--demo", is_flag=True, help="Make a sample company to try things on.")
@click.option(
    "--crm",
    type=click.Choice(questions.CRM.choices),
    help="Where the customers are kept.",
)
def init(shell: Shell, *, demo: bool, crm: str | None) -> Result:
    """Set up a working folder."""
    config = Path(shell.options.config or "handover.toml")
    for path in _in_the_way(config, demo=demo):
        raise AlreadyInitialised(file=path)
    words = shell.words if shell.is_interactive and not demo else None
    kind = "files" if demo else crm or questions.crm(words)
    answers = questions.answers(kind, words)
    made = _write(config, _content(kind, shell.words.language, answers), demo=demo)
    if demo:
        _fill(shell, config.parent)
    elif kind == "files":
        (config.parent / answers["folder"]).mkdir(parents=True, exist_ok=True)

    def show(console: "Console") -> None:
        for path in made:
            console.print(f"○ {path}")
        if demo:
            console.print(f"○ {config.parent / 'export'}")

    return Result(
        name="init",
        data={"files": [str(path) for path in made], "crm": kind, "demo": demo},
        text=show,
        next="handover audit" if demo else "handover doctor",
    )


def _in_the_way(config: Path, *, demo: bool) -> "Iterator[Path]":
    """Find what would be overwritten: a sample company must not replace a real one."""
    if config.exists():
        yield config
    if demo:
        yield from config.parent.glob("people.csv")
        yield from config.parent.glob("export/*")


def _content(kind: str, language: str, answers: "Mapping[str, str]") -> str:
    """Write the configuration that the answers make."""
    known = {"login": LOGINS.get(answers.get("auth", ""), ""), **answers}
    return CONFIG.format(language=language, crm=CRM[kind].format(**known), **answers)


def _write(config: Path, content: str, *, demo: bool) -> list[Path]:
    """Write what is not there yet; give the files written."""
    wanted = {config: content, config.with_name(".gitignore"): IGNORE}
    if not demo:
        wanted[config.with_name("people.csv")] = PEOPLE
    made = []
    for path, text in wanted.items():
        if not path.exists():
            path.write_text(text, encoding="utf-8", newline="")
            made.append(path)
    return made


def _fill(shell: Shell, folder: Path) -> None:
    """Write the sample company and copy it into the mirror, so that audit has work."""
    from handover.demo import write_demo
    from handover.jobs.sync import sync_workspace

    write_demo(folder, shell.workspace.as_of)
    sync_workspace(shell.workspace)
