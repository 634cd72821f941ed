"""A sync in another process: it goes on where a killed one stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import Page, Pull
from tests.worlds.mirror import Mill, company

ACCOUNTS = 180
PAGES = 6
"""Pages of the company: one of users, four of accounts, one of activities."""

KILLED = """\
import os, signal, sys
from pathlib import Path
from handover.mirror.staging import Staging
from tests.worlds.mirror import Mill, company
before, left = sys.argv[2] == "before", int(sys.argv[3])
keep = Staging.add
def add(*args):
    global left
    left -= 1
    mine = left
    if not before:
        keep(*args)
    if mine == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if before:
        keep(*args)
Staging.add = add
Mill(Path(sys.argv[1]), company(accounts=180)).sync()
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("page", [1, 3, PAGES])
@pytest.mark.every(2)
def test_a_sync_killed_at_a_page_is_resumed(
    tmp_path: Path, page: int, when: str
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), when, str(page)]
    root = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": str(root)}
    ended = subprocess.run(command, check=False, env=env)  # noqa: S603 - our own
    assert ended.returncode == -signal.SIGKILL
    mill = Mill(tmp_path, company(accounts=ACCOUNTS))
    kept = len(list(mill.mirror.glob("staging/*/*/[0-9]*/page.json")))
    read = pages_of(mill)
    mill.sync()
    assert len(mill.living("accounts")) == ACCOUNTS
    assert len(mill.living("users")) == 2
    assert len(read) == PAGES - kept  # what was staged is not read again


def test_the_next_process_reads_only_what_changed(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.worlds.mirror import Mill, company\n"
        "Mill(Path(sys.argv[1]), company(accounts=180)).sync()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(command, check=True, env=env)  # noqa: S603 - our own
    synced = Mill(tmp_path, company(accounts=ACCOUNTS)).sync()
    assert synced.counts["accounts"].read == 0
    assert [a for outcome in synced.outcomes for a in outcome.announcements] == []


def pages_of(mill: Mill) -> list[str]:
    """Listen to the pages that the CRM gives; names their objects."""
    read: list[str] = []
    pull = mill.crm.pull

    def listen(request: Pull) -> Iterator[Page]:
        for page in pull(request):
            read.append(request.object)
            yield page

    mill.crm.pull = listen  # type: ignore[method-assign]
    return read
