"""One writing run at a time, and the lock dies with its process."""

import datetime as dt
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from handover.errors import Locked
from handover.ledger.lock import HOLDER, run_lock

NOW = dt.datetime(2027, 3, 1, 9, tzinfo=dt.UTC)
ROOT = Path(__file__).parents[1]

HOLDING = """\
import datetime as dt, sys, time
from pathlib import Path
from handover.ledger.lock import run_lock
with run_lock(Path(sys.argv[1]), "sync", dt.datetime.now(dt.UTC)):
    print("held", flush=True)
    time.sleep(60)
"""

STARTING = """\
import datetime as dt, sys, time
from pathlib import Path
from handover.errors import Locked
from handover.ledger.lock import run_lock
folder = Path(sys.argv[1])
print("ready", flush=True)
while not (folder / "go").exists():
    time.sleep(0.005)
started = time.monotonic()
try:
    with run_lock(folder, "sync", dt.datetime.now(dt.UTC)):
        print("won", flush=True)
        while not (folder / "end").exists():
            time.sleep(0.005)
except Locked as error:
    print(error.exit_code, time.monotonic() - started < 1, error.params["pid"],
        flush=True)
"""


@contextmanager
def started(script: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with run_lock(tmp_path, "reassign", NOW):
        begun = time.monotonic()
        with pytest.raises(Locked) as caught, run_lock(tmp_path, "sync", NOW):
            pass
        assert time.monotonic() - begun < 1
    assert caught.value.exit_code == 7
    assert caught.value.params == {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": "2027-03-01T09:00:00+00:00",
        "command": "reassign",
    }


def test_it_is_free_again_afterwards_also_after_a_failure(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), run_lock(tmp_path, "sync", NOW):
            raise ZeroDivisionError
    assert not (tmp_path / HOLDER).exists()


def test_nobody_else_can_read_who_holds_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with run_lock(folder, "sync", NOW):
        modes = [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(mode == 0o600 for mode in modes)


def test_a_killed_holder_leaves_it_free_at_once(tmp_path: Path) -> None:
    with started(HOLDING, tmp_path) as process:
        assert next_line(process) == "held"
        with pytest.raises(Locked) as caught, run_lock(tmp_path, "sync", NOW):
            pass
        assert caught.value.params["pid"] == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
        with run_lock(tmp_path, "sync", NOW):
            pass


def test_of_many_starters_exactly_one_wins_and_the_others_name_it(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(STARTING, tmp_path)) for _ in range(20)
        ]
        assert {next_line(process) for process in processes} == {"ready"}
        (tmp_path / "go").touch()
        said = {process.pid: next_line(process) for process in processes}
        (tmp_path / "end").touch()
    (winner,) = (pid for pid, text in said.items() if text == "won")
    del said[winner]
    assert list(said.values()) == [f"7 True {winner}"] * 19
