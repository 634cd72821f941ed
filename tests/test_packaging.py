import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from handover import __version__
from handover.doctor import OUR_NAMES

ROOT = Path(__file__).resolve().parents[1]
BY_NAME_ONLY = {"tzdata"}
"""What Python imports on our behalf: time zones."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_nobody_below_the_command_line_imports_it() -> None:
    sources = [f for n in OUR_NAMES[1:] for f in (ROOT / n).rglob("*.py")]
    assert len(sources) > 50
    assert [str(f) for f in sources if "cli" in imported(f)] == []


def test_everything_imported_is_declared_and_nothing_else() -> None:
    """What is only there because something else needs it may be gone tomorrow."""
    sources = [f for n in OUR_NAMES[1:] for f in (ROOT / n).rglob("*.py")]
    names = set().union(*(imported(file) for file in sources))
    owners = packages_distributions()
    known = (owners[n][0] for n in names - set(OUR_NAMES) if n in owners)
    used = {name.lower().replace("_", "-") for name in known}
    listed = PROJECT["project"]["dependencies"]
    declared = {re.split(r"[<>=;~! \[]", each)[0] for each in listed}
    assert used == declared - BY_NAME_ONLY


def test_no_other_distribution_owns_our_import_names() -> None:
    owners = packages_distributions()
    others = {o for name in OUR_NAMES for o in owners.get(name, ())} - {"handover"}
    assert others == set()


def test_the_wheel_takes_exactly_our_four_names() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    packed = {Path(name).stem for name in wheel["only-include"]}
    assert packed == set(OUR_NAMES)
    assert "*.mo" in wheel["artifacts"]


def test_each_package_is_one_so_that_a_users_folder_is_not_merged_in() -> None:
    for name in OUR_NAMES[1:]:
        assert (ROOT / name / "__init__.py").exists()


def test_the_changelog_begins_with_this_version() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    headings = [line for line in lines if line.startswith("## ")]
    assert __version__ in headings[0]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel in a copy, without a network; give the names in it."""
    copy = tmp_path_factory.mktemp("source")
    for name in (
        *PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"],
        "pyproject.toml",
        "hatch_build.py",
        "README.md",
        "LICENSE",
    ):
        source = ROOT / name
        if source.is_dir():
            unbuilt = shutil.ignore_patterns("__pycache__", "*.mo")
            shutil.copytree(source, copy / name, ignore=unbuilt)
        else:
            shutil.copy(source, copy / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    (built,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as packed:
        return set(packed.namelist())


def test_the_wheel_carries_all_that_is_no_python(wheel: set[str]) -> None:
    kinds = {".toml", ".sql", ".html", ".css", ".po"}
    for folder in OUR_NAMES[1:]:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in kinds:
                name = path.relative_to(ROOT).as_posix()
                assert name in wheel
                if path.suffix == ".po":
                    assert name.replace(".po", ".mo") in wheel
    assert {Path(name).suffix for name in wheel} >= {*kinds, ".mo"}


def test_the_wheel_has_the_command_and_nothing_of_ours_beside(wheel: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert {t for t in tops if ".dist-info" not in t} == {"cli.py", *OUR_NAMES[1:]}
    assert not any("__pycache__" in name or name.startswith("tests") for name in wheel)
