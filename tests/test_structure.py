"""How the house is built: what a newcomer may rely on when opening a file."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("connectors", "handover", "mappings")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
LONGEST = 400
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_no_file_is_longer_than_one_reads() -> None:
    lines = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES
    }
    assert not {name: count for name, count in lines.items() if count > LONGEST}


def modules() -> dict[str, Path]:
    """Return the modules of the packages by their dotted names."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in SOURCES
    }


def imported(path: Path) -> Iterator[str]:
    """Return the modules of ours that a file imports, wherever in it."""
    known = modules()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from (inner & set(known)) or {node.module}


def test_imports_never_close_a_circle() -> None:
    near = {name: set(imported(path)) - {name} for name, path in modules().items()}
    while leaves := {name for name, needs in near.items() if not needs & set(near)}:
        near = {name: needs for name, needs in near.items() if name not in leaves}
    assert not near


def test_no_test_reaches_into_what_is_private() -> None:
    """Also not by name; attributes are left to ruff (SLF001)."""
    found = []
    for path in TESTS:
        for node in ast.walk(parsed(path)):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module:
                ours = node.module.split(".")[0] in PACKAGES
                parts = [*node.module.split("."), *(a.name for a in node.names)]
                names = parts if ours else []
            elif isinstance(node, ast.Call):
                called = node.func
                reaching = {"setattr", "getattr", "delattr"}
                is_access = (
                    isinstance(called, ast.Attribute) and called.attr in reaching
                ) or (isinstance(called, ast.Name) and called.id in reaching)
                values = [a.value for a in node.args if isinstance(a, ast.Constant)]
                texts = [value for value in values if isinstance(value, str)]
                names = [t.rpartition(".")[2] for t in texts] if is_access else []
            found += [(name_of(path), name) for name in names if is_private(name)]
    assert not found


def test_no_two_classes_have_one_name() -> None:
    names = Counter(
        node.name
        for path in SOURCES
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef) and not is_private(node.name)
    )
    assert not {name: count for name, count in names.items() if count > 1}


@pytest.mark.parametrize("name", ["README.md"])
def test_each_folder_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    section = text.partition("## Folders")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `([\w/.]+)` \|", section, re.MULTILINE)
    assert len(named) > 8
    assert not [each for each in named if not (ROOT / each).exists()]


CITED = re.compile(r"§|\b[RPF][0-9]{1,3}\b|\b(?:design|reliability|house|faults)\.md")


def test_text_leaves_through_one_console_and_one_stream() -> None:
    """Nobody else prints: what names hold is taken out of them there."""
    printing = {"echo", "secho", "print_exception", "print_exc"}
    own = {"handover/commands/streams.py", "handover/paper/console.py"}
    found = [
        name_of(path)
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and (
            getattr(node.func, "attr", "") in printing
            or (isinstance(node.func, ast.Name) and node.func.id == "print")
        )
    ]
    assert set(found) <= own
    consoles = [
        name_of(path)
        for path in SOURCES
        if re.search(r"\bConsole\(", path.read_text(encoding="utf-8"))
        and "from handover.paper.console import Console" not in path.read_text("utf-8")
    ]
    assert set(consoles) <= own


def test_nothing_cites_a_document_that_is_not_here() -> None:
    """Say the rule itself; the promises of the README have numbers of their own."""
    found = []
    for path in (*SOURCES, *TESTS):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            said = line.lstrip()
            is_prose = said.startswith(("#", '"""')) or said.count('"') == 0
            if is_prose and CITED.search(said):
                found.append(f"{name_of(path)}:{number}: {said}")
    assert not found
