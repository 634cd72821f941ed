"""A transfer in a process of its own that dies at a point of its run."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
KILLED = """\
import datetime as dt, os, signal, sys
from handover.i18n import words_for
from handover.jobs.transfer import Manner, publish, reassign
from handover.jobs.workspace import open_workspace
from handover.transfer.prepare import TransferRequest

_, deadly, kind, plan, as_of, org, reason = sys.argv

def reached(point):
    if point == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

workspace = open_workspace(
    "en", config="handover.toml", as_of=dt.date.fromisoformat(as_of), as_user=None
)
why = {"early": reason, "before_announcement": reason} if reason else {}
asked = TransferRequest(org_id=org or None, **why)
manner = Manner(org_id=org or None, yes=True, reached=reached)
if kind == "publish":
    publish(workspace, plan, asked, manner, words_for("ja"))
else:
    reassign(workspace, plan, asked, manner)
"""


def killed(
    folder: Path,
    point: str,
    kind: Literal["publish", "reassign"],
    plan: str,
    *,
    as_of: str,
    org: str = "",
    reason: str = "",
) -> int:
    """Publish or reassign a plan in a process that is killed at a point.

    ``reason`` is why the dates of the plan are not waited for, if they are not.
    """
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", KILLED, point, kind, plan, as_of, org, reason],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    ).returncode
