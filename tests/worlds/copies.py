"""Copies of working folders: what a test changes, no other test sees."""

import datetime as dt
import shutil
from pathlib import Path

from handover.ledger import Ledger
from handover.ledger.home import adopt


def copy_folder(template: Path, folder: Path) -> Path:
    """Copy a working folder, and have its ledger adopted: it may write at once."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    data = folder / ".handover"
    if (data / "ledger.sqlite").exists():
        ledger = Ledger.open(data / "ledger.sqlite")
        now = dt.datetime.now(dt.UTC)
        adopt(ledger, data / "runs", now, {"reason": "a test works on a copy"})
    return folder
