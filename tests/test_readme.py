"""What the READMEs show can be typed, and what they promise is tested."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from cli import handover as root
from handover.commands.shell import Group
from tests.conftest import Cli

ROOT = Path(__file__).resolve().parents[1]


def command_lines(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line[2:] for line in lines if line.startswith("$ handover ")]


LINES = [(n, line) for n in ("README.md", "README.ja.md") for line in command_lines(n)]


def test_both_languages_show_a_session() -> None:
    assert {name for name, _ in LINES} == {"README.md", "README.ja.md"}


@pytest.mark.parametrize(("name", "line"), LINES)
def test_what_is_shown_can_be_typed(name: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = root
    while isinstance(command, Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, f"{name}: {line}"
        command = found
    known = {option for param in command.params for option in param.opts}
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert used <= known


@pytest.mark.parametrize("target", ["demo", "test", "soak"])
def test_each_target_that_is_named_exists(target: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"make {target}" in readme
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


PROMISED = re.compile(r"^\d+\. ", re.MULTILINE)
NAMED = re.compile(r"`((?:tests|connectors)/[\w/]+\.py)::([\w:]+)`")


def promised(name: str) -> list[list[tuple[str, str]]]:
    """List the tests that each promise names, as file and test."""
    text = (ROOT / name).read_text(encoding="utf-8")
    heading = {"README.md": "## What is promised\n", "README.ja.md": "## お約束\n"}
    section = text.partition(heading[name])[2].partition("\n## ")[0]
    return [NAMED.findall(promise) for promise in PROMISED.split(section)[1:]]


def list_tests(file: str) -> set[str]:
    """List the tests of a file, those of a class with its name."""
    found: set[str] = set()
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {f"{prefix}{n.name}" for n in inner if isinstance(n, ast.FunctionDef)}
    return {name for name in found if "test_" in name}


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_each_promise_names_tests_that_exist(name: str) -> None:
    promises = promised(name)
    assert len(promises) > 20
    for number, named in enumerate(promises, 1):
        assert named, f"{name}: promise {number} names no test"
        assert not [test for file, test in named if test not in list_tests(file)]


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_whatever_proves_a_line_of_the_table_of_mishaps_exists(name: str) -> None:
    heading = {"README.md": "## What happens when", "README.ja.md": "## こんなときは"}
    text = (ROOT / name).read_text(encoding="utf-8")
    section = text.partition(heading[name])[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(lines) > 12
    for line in lines:
        proofs = re.findall(r"`(tests/[\w/]+\.py)(?:::([\w:]+))?`", line)
        assert proofs, line
        for file, test in proofs:
            assert (ROOT / file).exists()
            assert not test or test in list_tests(file)


def test_each_test_of_a_promise_is_named() -> None:
    named = {test for tests in promised("README.md") for _, test in tests}
    assert list_tests("tests/promises.py") <= named


def test_both_languages_make_the_same_promises() -> None:
    assert promised("README.md") == promised("README.ja.md")


SESSIONS = {"README.md": "## A first session\n", "README.ja.md": "## 最初の操作\n"}
BEGINS = "2026-11-24"
"""The day on which the plan that the READMEs show is drawn up."""


@pytest.mark.parametrize("name", sorted(SESSIONS))
def test_the_first_session_can_be_typed_line_by_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    text = (ROOT / name).read_text(encoding="utf-8").partition(SESSIONS[name])[2]
    session = text.partition("\n## ")[0]
    lines = re.findall(r"^\$ handover (.*)$", session, re.MULTILINE)
    assert len(lines) > 8
    for line in lines:
        ended = cli("--as-of", BEGINS, *shlex.split(line, comments=True))
        assert ended.code == 0, f"{line}: {ended.err}"
