import datetime as dt
import shlex
import shutil
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree import ElementTree as ET

import pytest

from handover.schedule_units import NightJob, cron, systemd, windows
from tests.conftest import Cli

JOB = NightJob(
    program=PurePosixPath("/opt/hand over/bin/handover"),
    config=PurePosixPath("/srv/100%/handover.toml"),
    at=dt.time(3, 5),
)


def test_cron_runs_sync_and_then_audit_quietly() -> None:
    line = cron(JOB)
    minute, hour, *_, command = line.split(maxsplit=5)
    assert (minute, hour) == ("5", "3")
    sync, audit = command.replace("\\%", "%").strip().split(" && ")
    config = ["--config", "/srv/100%/handover.toml"]
    assert shlex.split(sync) == [str(JOB.program), *config, "sync", "--quiet"]
    assert shlex.split(audit) == [str(JOB.program), *config, "audit", "--quiet"]


def test_cron_gets_no_bare_per_cent_sign() -> None:
    assert cron(JOB).count("%") == cron(JOB).count("\\%") == 2


def test_systemd_runs_both_in_order_at_the_time() -> None:
    unit = systemd(JOB)
    starts = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert [line.split()[-2] for line in starts] == ["sync", "audit"]
    assert all('"/opt/hand over/bin/handover"' in line for line in starts)
    assert "100%%" in starts[0]
    assert "OnCalendar=*-*-* 03:05:00" in unit


def test_the_windows_task_is_xml_that_runs_both() -> None:
    job = NightJob(
        program=PureWindowsPath(r"C:\Tools & more\handover.exe"),
        config=PureWindowsPath(r"C:\Sales dept\handover.toml"),
    )
    root = ET.fromstring(windows(job))  # noqa: S314 - our own text
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    programs = [e.text for e in root.findall(".//t:Command", space)]
    assert programs == [str(job.program)] * 2
    words = [e.text or "" for e in root.findall(".//t:Arguments", space)]
    assert words == [
        r'--config "C:\Sales dept\handover.toml" sync --quiet',
        r'--config "C:\Sales dept\handover.toml" audit --quiet',
    ]


@pytest.mark.parametrize("kind", ["cron", "systemd", "windows"])
def test_what_is_printed_is_the_job_letter_by_letter(
    cli: Cli, folder: Path, kind: str
) -> None:
    told = cli("schedule", kind, "--json").data
    assert told["kind"] == kind
    assert str((folder / "handover.toml").resolve()) in told["text"]
    assert cli("schedule", kind).out == told["text"]


def test_an_unknown_scheduler_is_a_usage_error(cli: Cli) -> None:
    assert cli("schedule", "at").code == 2


def test_a_folder_that_would_begin_a_line_of_its_own_is_refused(
    cli: Cli, folder: Path
) -> None:
    inside = folder / "a\n* * * * * evil"
    inside.mkdir()
    shutil.move(folder / "handover.toml", inside)
    ended = cli("schedule", "cron", "-c", str(inside / "handover.toml"))
    assert (ended.code, ended.out) == (2, "")
    assert "no scheduler takes" in ended.err
