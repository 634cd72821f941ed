"""A command line in a process of its own that dies at a point of its run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KILLED = """\
import os, signal, sys
from handover.transfer import crash_points

_, deadly, *words = sys.argv

def reached(point):
    if point == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

crash_points.reached = reached
from cli import main
sys.argv = ["handover", *words]
main()
"""


def killed(folder: Path, point: str, *words: str) -> int:
    """Run a command line in a process of its own that is killed at a point."""
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", KILLED, point, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    ).returncode
