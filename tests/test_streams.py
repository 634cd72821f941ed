"""A stdout that is closed, full or unread changes neither the work nor its verdict."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.worlds.files_folder import EFFECTIVE, HANDED, Job

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="sh and /dev/full")
FULL = ">/dev/full"
CLOSED = ">&-"
UNREAD = "| true"
LEFT = "| head -c 1 >/dev/null"
ALL_CLOSED = "<&- >&- 2>&-"
ALL_FULL = ">/dev/full 2>/dev/full"


def ended(folder: Path, streams: str, *words: str) -> tuple[int, str]:
    """Run a command line whose streams are as a shell makes them; give code and stderr.

    A pipe waits for our end, so that its reader has surely left.
    """
    code = folder / "code"
    left, _, right = streams.partition("|")
    wait = "sleep 0.2; " if right else ""
    run = f'({wait}"$@" {left}; echo $? > "{code}")'
    script = f"{run} | {right}" if right else run
    known = {k: v for k, v in os.environ.items() if not k.startswith("HANDOVER")}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        ["/bin/sh", "-c", script, "sh", sys.executable, "-m", "cli", *words],
        cwd=folder,
        env={**known, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return int(code.read_text(encoding="utf-8")), done.stderr


HELP = ("help", "exit-codes")


@pytest.mark.parametrize("words", [HELP, (*HELP, "--json"), ("audit", "--help")])
def test_a_reader_who_leaves_ends_a_reading_command_quietly(
    folder: Path, words: tuple[str, ...]
) -> None:
    assert ended(folder, UNREAD, *words) == (0, "")


@pytest.mark.parametrize("words", [HELP, (*HELP, "--json"), ("--version",)])
def test_a_report_that_finds_no_room_is_an_error_of_a_reading_command(
    folder: Path, words: tuple[str, ...]
) -> None:
    code, told = ended(folder, FULL, *words)
    assert code == 7
    assert "stdout" in told


@pytest.mark.parametrize("words", [HELP, (*HELP, "--json"), ("plan",)])
def test_a_closed_stdout_is_an_error_of_a_reading_command(
    folder: Path, words: tuple[str, ...]
) -> None:
    code, told = ended(folder, CLOSED, *words)
    assert code == 2
    assert "stdout" in told


def test_the_verdict_of_a_reading_command_outlives_its_reader(
    agreed: Job, folder: Path
) -> None:
    words = ("audit", "--json", "--as-of", EFFECTIVE)
    assert ended(folder, LEFT, *words, "--fail-on", "must")[0] == 3


@pytest.mark.parametrize(
    "streams", [FULL, CLOSED, UNREAD, ALL_FULL, ALL_CLOSED], ids=str
)
def test_what_was_set_up_stays_set_up(folder: Path, streams: str) -> None:
    made = folder / "new"
    made.mkdir()
    form = ("--json",) if streams in (FULL, ALL_CLOSED) else ()
    code, told = ended(made, streams, "init", "--crm", "files", *form)
    assert code == 0
    assert (made / "handover.toml").exists()
    if "2>" not in streams:
        assert "The work is done; its report went lost at stdout" in told


def test_owners_change_whoever_reads_of_it(agreed: Job, folder: Path) -> None:
    words = ("reassign", agreed.plan, "--json", "--as-of", EFFECTIVE)
    assert ended(folder, f"{FULL} 2>&-", *words)[0] == 0
    assert agreed.owners()["A1"] == HANDED["A1"]
    assert agreed("runs", "list", on=EFFECTIVE).data["runs"][0]["state"] == "finished"


def test_a_report_that_cannot_be_written_takes_nothing_back(
    agreed: Job, cli: Cli
) -> None:
    words = ("reassign", agreed.plan, "--as-of", EFFECTIVE)
    done = cli(*words, "-o", "/dev/full")
    assert (done.code, done.out) == (0, "")
    assert "its report went lost at /dev/full" in done.err
    assert agreed.owners()["A1"] == HANDED["A1"]
    again = cli("audit", "-o", "/dev/full", "--json")
    assert (again.code, again.out) == (7, "")
    assert "/dev/full" in again.err


def test_a_place_where_nothing_may_be_written_is_refused_before_the_work(
    agreed: Job, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    words = ("reassign", agreed.plan, "--as-of", EFFECTIVE)
    refused = cli(*words, "-o", "report.json")
    assert (refused.code, refused.out) == (2, "")
    assert "report.json may not be written" in refused.err
    assert agreed.owners()["A1"] != HANDED["A1"]


def test_a_report_may_go_into_a_device_or_through_a_link(
    cli: Cli, folder: Path
) -> None:
    assert cli(*HELP, "-o", os.devnull).code == 0
    assert Path(os.devnull).is_char_device()
    (folder / "link.json").symlink_to(folder / "there.json")
    assert cli(*HELP, "--json", "-o", "link.json").code == 0
    assert (folder / "link.json").is_symlink()
    assert "130" in (folder / "there.json").read_text(encoding="utf-8")


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_report_is_its_owners_unless_somebody_opened_it(
    cli: Cli, folder: Path, umask: int
) -> None:
    shared = folder / "shared.json"
    shared.touch(mode=0o600)
    shared.chmod(0o644)
    before = os.umask(umask)
    try:
        for name in ("new.json", "new.txt", "shared.json"):
            assert cli(*HELP, "-o", name).code == 0
    finally:
        os.umask(before)
    assert mode_of(folder / "new.json") == mode_of(folder / "new.txt") == 0o600
    assert mode_of(shared) == 0o644
