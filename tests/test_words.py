"""Whether all that is said has words in both languages, wherever it is said."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po

from cli import handover as root
from handover.i18n import LANGUAGES, LOCALE, Words, words_for
from tests.conftest import Cli
from tests.test_cli import commands
from tests.worlds.files_folder import PLAN, PLANNED, build_approved

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    file
    for package in ("connectors", "handover", "mappings")
    for file in sorted((ROOT / package).rglob("*.py"))
]
SAID_ONCE = {"Notice": "code", "Note": "code"}
"""Calls whose argument is the code of a sentence under ``warning:``."""
SAME = {"Python {v}"}
"""What is said alike in both languages."""
CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))


def helps(command: click.Command) -> Iterator[str]:
    """Yield what ``--help`` says of a command and its options."""
    yield (command.help or "").strip()
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden and param.help:
            yield param.help


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield file, node


def noticed() -> Iterator[str]:
    """Yield the codes of all notices that the sources write out."""
    for _, call in calls():
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        wanted = SAID_ONCE.get(name)
        for keyword in call.keywords:
            if keyword.arg == wanted and isinstance(keyword.value, ast.Constant):
                yield str(keyword.value.value)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_each_catalogue_can_be_read_and_says_nothing_twice(path: Path) -> None:
    with path.open("rb") as file:
        entries = read_po(file, locale=path.parts[-3], abort_invalid=True)
    keys = re.findall(r"^msgid ", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(keys) - 1 == len(entries) > 0


def test_help_is_translated_throughout() -> None:
    words = words_for("ja")
    said = {t for _, command in commands() for t in helps(command)}
    said |= {entry.help for entry in root.entries.values()}
    assert len(said) > 80
    assert sorted(t for t in said if t and words(t) == t) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_notice_has_its_sentence(language: str) -> None:
    words = words_for(language)
    codes = set(noticed())
    assert len(codes) > 10
    assert sorted(c for c in codes if not words.has(f"warning:{c}")) == []


@pytest.fixture
def untranslated(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Collect what was to be said in Japanese and had none; codes are only tried."""
    missed: set[str] = set()
    translate = Words.__call__

    def listening(self: Words, text: str, /, **params: object) -> str:
        is_said = re.search("[a-z]", text) and not re.match(r"[a-z_]+:\S", text)
        if is_said and self.language == "ja" and not self.has(text):
            missed.add(text)
        return translate(self, text, **params)

    monkeypatch.setattr(Words, "__call__", listening)
    return missed


def test_a_whole_session_in_japanese_has_no_english_left(
    folder: Path, cli: Cli, untranslated: set[str]
) -> None:
    job = build_approved(folder / "job")
    session = """
        sync --full | audit | audit --trend --unmanaged | audit -o audit.html
        show A1 | plan list | plan show PLAN | plan show PLAN --changes
        plan show PLAN -o plan.html | plan show PLAN --format csv
        plan show --person Sato --on 2027-03-04 | plan show --person Sato -o day.html
        meeting pack PLAN | meeting pack PLAN -o packs | meeting pack PLAN -o p.html
        meeting sheet PLAN | meeting sheet PLAN -o s.html | meeting sheet PLAN -o s.xlsx
        meeting mail PLAN | meeting mail PLAN -o mails
        meeting calendar PLAN | meeting calendar PLAN -o calendars
        plan publish PLAN | reassign PLAN | reassign PLAN --early 月末 | undo last
        runs list | runs show | runs verify | policy show | policy check
        mapping list | mapping show | mapping check | doctor | leaver Mori | history A1
        purge --contact C1 --reason 依頼 --yes
        help | help exit-codes | schedule cron | completion bash
    """
    settings = ("--lang", "ja", "--as-of", PLANNED, "--as", "M")
    config = ("-c", str(job / "handover.toml"))
    for line in session.replace("\n", "|").split("|"):
        words = line.replace("PLAN", PLAN).split()
        if words:
            assert cli(*words, *settings, *config).code == 0, line
    assert untranslated <= SAME
