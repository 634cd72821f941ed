"""Too little memory, too few handles, an interruption: words, and the exit code."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from handover import lacks
from handover.commands.doctor import doctor
from handover.errors import FewHandles, LittleMemory
from handover.interrupts import interruptible
from handover.jobs.workspace import Workspace
from handover.lacks import name_lack
from tests.conftest import Cli
from tests.worlds.files_folder import PLANNED, build

ROOT = Path(__file__).resolve().parents[1]
SLOW = """
    select count(*) from range(100000000) a, range(1000000) b
    where (a.range * 7 + b.range) % 11 = 3
"""
SOAK = "HANDOVER_SOAK" in os.environ
READING = [("audit",), ("sync",), ("doctor",), ("show", "A1")]
REFUSED = READING if SOAK else READING[:1]
"""Commands that read the mirror; one of them, where time is short."""
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such limits")


def caused_by(cause: Exception) -> Exception:
    error = RuntimeError("something else")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (MemoryError(), LittleMemory),
        (duckdb.OutOfMemoryException("Failed to allocate block"), LittleMemory),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), LittleMemory),
        (RuntimeError("can't start new thread"), LittleMemory),
        (ImportError("x.so: failed to map segment from shared object"), LittleMemory),
        (caused_by(MemoryError()), LittleMemory),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), FewHandles),
        (duckdb.IOException("Cannot open: Too many open files"), FewHandles),
        (RuntimeError("Query interrupted"), KeyboardInterrupt),
        (duckdb.InterruptException("Interrupted!"), KeyboardInterrupt),
    ],
)
def test_what_a_library_says_of_a_lack_is_told_in_one_way(
    error: Exception, named: type[BaseException]
) -> None:
    assert type(name_lack(error)) is named


@pytest.mark.parametrize(
    "error", [ValueError("x"), OSError(errno.ENOENT, "x"), LittleMemory(detail="x")]
)
def test_any_other_error_stays_what_it_is(error: Exception) -> None:
    assert name_lack(error) is error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 7, "little_memory"),
        (OSError(errno.EMFILE, "Too many open files"), 7, "few_handles"),
    ],
)
def test_a_command_ends_with_exit_7_and_doctor_goes_on(
    tmp_path: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(build(tmp_path / "work"))

    def lack(_: Workspace) -> None:
        raise error

    monkeypatch.setattr(Workspace, "generation", lack)
    ended = cli("audit", "--json", "--as-of", PLANNED)
    assert (ended.code, ended.json["error"]["code"]) == (code, said)
    checked = cli("doctor", "--json")
    assert checked.code == code
    states = {check["code"]: check["state"] for check in checked.data["checks"]}
    assert states["mirror"] == "failed"
    assert len(states) > 5
    assert doctor.name == "doctor"


def interrupt_soon() -> threading.Timer:
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@posix
def test_an_interruption_ends_a_query_at_once() -> None:
    began = time.monotonic()
    with duckdb.connect() as con:
        timer = interrupt_soon()
        with pytest.raises(KeyboardInterrupt), interruptible(con.interrupt):
            con.execute(SLOW)
    timer.join()
    assert time.monotonic() - began < 5
    assert signal.set_wakeup_fd(-1) == -1


@posix
def test_work_that_is_not_interrupted_keeps_its_own_error() -> None:
    with pytest.raises(ValueError, match="mine"), interruptible(lambda: None):
        raise ValueError("mine")


def limited(folder: Path, limits: str, *words: str) -> tuple[int, str]:
    """Run a command in a process under limits; return its exit code and stderr."""
    script = f"import resource, runpy, sys; {limits}; import cli; cli.main()"
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended.returncode, ended.stderr


@posix
@pytest.mark.parametrize("words", REFUSED, ids="".join)
def test_half_a_gigabyte_of_addresses_is_refused_in_words(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = build(tmp_path / "work")
    before = {p: p.read_bytes() for p in folder.glob(".handover/mirror/**/*.parquet")}
    limit = "resource.setrlimit(resource.RLIMIT_AS, (500 << 20,) * 2)"
    code, said = limited(folder, limit, *words, "--as-of", PLANNED)
    assert code == 7, said
    assert "Traceback" not in said
    after = {p: p.read_bytes() for p in folder.glob(".handover/mirror/**/*.parquet")}
    assert after == before


@posix
def test_few_handles_suffice_or_are_told(tmp_path: Path) -> None:
    folder = build(tmp_path / "work")
    for count in (8, 16, 32) if SOAK else (16,):
        limit = f"resource.setrlimit(resource.RLIMIT_NOFILE, ({count},) * 2)"
        code, said = limited(folder, limit, "audit", "-q", "--as-of", PLANNED)
        assert code in {0, 3, 7}, said
        assert "Traceback" not in said


@posix
def test_what_the_limit_is_and_what_is_needed_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (600 << 20, -1))
    with pytest.raises(LittleMemory) as caught:
        lacks.check_address_space()
    assert "600 MB < 1024 MB" in str(caught.value.params["detail"])
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (-1, -1))
    lacks.check_address_space()
