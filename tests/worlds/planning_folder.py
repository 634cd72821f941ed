"""A synced company on whose command line plans are drawn up and decided.

Its files are ``cases/plan/company``: Sato has four customers, a key account, two with
open business and a quiet one; some records hang on none of them.
"""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli import handover as root
from handover.commands.shell import run
from tests.conftest import FILES, Cli, Ended
from tests.worlds.copies import copy_folder

COMPANY = Path(__file__).parents[1] / "cases" / "plan" / "company"
TODAY = ("--as-of", "2027-03-01")
NEW = ("new", "--from", "Sato", "--to", "Tanaka")


def write(folder: Path, name: str, rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file."""
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def synced(folder: Path) -> Path:
    """Set the company up in a folder, and sync it."""
    shutil.copytree(COMPANY, folder, dirs_exist_ok=True)
    (folder / "handover.toml").write_text(FILES, encoding="utf-8")
    sync(folder)
    return folder


def sync(folder: Path) -> None:
    """Copy what the files say into the mirror."""
    config = ("-c", str(folder / "handover.toml"))
    assert run(root, ("sync", "-q", *config, *TODAY), {}) == 0


def planning_in(folder: Path, template: Path, cli: Cli) -> Cli:
    """Give `handover plan ... --json` in a copy of a synced company."""
    copy_folder(template, folder)

    def call(*words: str) -> Ended:
        return cli("plan", *words, *TODAY, "--json")

    return call


def rows_of(ended: Ended) -> dict[str, dict[str, Any]]:
    """The rows of the plan that a command ended with, by account."""
    return {row["account_id"]: row for row in ended.data["plan"]["rows"]}


def submitted(plan: Cli) -> str:
    """Draw up Sato's plan, decide what is open, and submit it."""
    key: str = plan(*NEW).data["plan"]["id"]
    loose = ("--loose", "opportunities=transfer")
    assert plan("edit", key, "--no-attend", "rest", *loose, "--as", "M").code == 0
    assert plan("submit", key, "--as", "P").code == 0
    return key
