"""The nightly sync and audit, as the schedulers of three worlds want to hear it.

Nothing is installed: the text is printed, and an administrator puts it where it
belongs. A good night prints nothing, so that mail means something.
"""

import datetime as dt
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePath
from xml.sax.saxutils import escape

AT = dt.time(2, 30)
"""When the night job runs unless told otherwise: after midnight jobs, before people."""


@dataclass(frozen=True, kw_only=True)
class NightJob:
    """What to run, where and when."""

    program: PurePath
    config: PurePath
    at: dt.time = AT

    def command(self, *words: str) -> tuple[str, ...]:
        """Give the words of one command line."""
        return (str(self.program), "--config", str(self.config), *words)

    @property
    def steps(self) -> tuple[tuple[str, ...], ...]:
        """Sync, then audit; the second only if the first went well."""
        return (self.command("sync", "--quiet"), self.command("audit", "--quiet"))


def cron(job: NightJob) -> str:
    """Write one crontab line; cron treats a per cent sign as a line end."""
    line = " && ".join(shlex.join(step) for step in job.steps)
    return f"{job.at.minute} {job.at.hour} * * *  {line.replace('%', chr(92) + '%')}\n"


def systemd(job: NightJob) -> str:
    """Write a service and a timer unit, one behind the other."""
    runs = "".join(f"ExecStart={_unit_words(step)}\n" for step in job.steps)
    return (
        "# ~/.config/systemd/user/handover.service\n"
        "[Unit]\n"
        "Description=Mirror the CRM and measure handover readiness\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        f"WorkingDirectory={_unit_words((str(job.config.parent),))}\n"
        f"{runs}"
        "\n"
        "# ~/.config/systemd/user/handover.timer\n"
        "[Timer]\n"
        f"OnCalendar=*-*-* {job.at:%H:%M}:00\n"
        "Persistent=true\n"
        "\n"
        "[Install]\n"
        "WantedBy=timers.target\n"
        "\n"
        "# systemctl --user enable --now handover.timer\n"
    )


def _unit_words(words: tuple[str, ...]) -> str:
    """Quote words for a unit file, where ``%`` starts a specifier."""
    return " ".join(
        f'"{word}"' if " " in word else word
        for word in (
            w.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
            for w in words
        )
    )


def windows(job: NightJob) -> str:
    """Write a task for ``schtasks /Create /XML``."""
    actions = "".join(
        "    <Exec>\n"
        f"      <Command>{escape(step[0])}</Command>\n"
        f"      <Arguments>{escape(_windows_words(step[1:]))}</Arguments>\n"
        f"      <WorkingDirectory>{escape(str(job.config.parent))}</WorkingDirectory>\n"
        "    </Exec>\n"
        for step in job.steps
    )
    return (
        '<?xml version="1.0"?>\n'
        '<Task version="1.2" '
        'xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
        "  <Triggers>\n"
        "    <CalendarTrigger>\n"
        f"      <StartBoundary>2026-01-01T{job.at:%H:%M}:00</StartBoundary>\n"
        "      <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>\n"
        "    </CalendarTrigger>\n"
        "  </Triggers>\n"
        "  <Settings>\n"
        "    <StartWhenAvailable>true</StartWhenAvailable>\n"
        "    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n"
        "  </Settings>\n"
        '  <Actions Context="Author">\n'
        f"{actions}"
        "  </Actions>\n"
        "</Task>\n"
    )


def _windows_words(words: tuple[str, ...]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in words)


SCHEDULERS = {"cron": cron, "systemd": systemd, "windows": windows}


def here(program: str, config: Path) -> NightJob:
    """Describe the job for this installation and this configuration."""
    return NightJob(program=Path(program).resolve(), config=config.resolve())
