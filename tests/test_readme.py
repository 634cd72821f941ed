import re
import shlex
from pathlib import Path

import click
import pytest

from cli import handover as root
from handover.commands.shell import Group

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
