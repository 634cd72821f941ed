"""Replies of their real size: a process that reads one stays below 400 MB."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Answer as PortalAnswer
from tests.worlds.hubspot_serving import serve as serve_portal
from tests.worlds.salesforce import Answer
from tests.worlds.salesforce_http import serve as serve_org
from tests.worlds.small_org import Company

SOAK = "HANDOVER_SOAK" in os.environ
ROOT = Path(__file__).resolve().parents[1]
STATUS = Path("/proc/self/status")
MOST = 400
"""Megabytes that a process may have held at any time."""
MEGABYTE = b" " * (1 << 20)

ARRAY = b'{"results":[' + b"[]," * ((1 << 20) // 3) + b"[]]}"
MANY = b'{"records":[' + b"[]," * ((40 << 20) // 3) + b"[]]}"
WIRES: dict[str, dict[str, Any]] = {
    "200 MB": {"raw": MEGABYTE, "repeat": 200},
    "a bomb": {"raw": gzip.compress(MEGABYTE * 200, 9), "encoding": "gzip"},
    "1 MB of one array": {"raw": ARRAY},
    "40 MB of one array, packed": {"raw": gzip.compress(MANY, 9), "encoding": "gzip"},
}

CHOSEN = WIRES if SOAK else {k: WIRES[k] for k in ("a bomb", "1 MB of one array")}

READ = """
import sys
from pathlib import Path
from connectors.base import Pull
from connectors.errors import ConnectorError
{opening}
try:
    list(crm.pull(Pull(object=kind, fields=("{name}",))))
except ConnectorError as error:
    status = Path("/proc/self/status").read_text()
    held = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    print(error.exit_code, int(held.split()[1]) >> 10)
"""
ORG = """
from connectors.salesforce.crm import open_org
given = {{"auth": "access_token", "token": "{token}"}}
crm = open_org(given | {{"base_url": sys.argv[1]}}, sleep=lambda _: None)
kind = "Account"
"""
PORTAL = """
from connectors.hubspot.crm import Time, open_portal
import time
crm = open_portal({{"base_url": sys.argv[1], "token": "{token}"}},
                  Time(clock=time.monotonic, sleep=lambda _: None))
kind = "companies"
"""


def read_in_a_process(script: str, address: str) -> tuple[int, int]:
    """Read from an address; return the exit code, and the megabytes held at most."""
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, address],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    code, held = ended.stdout.split()
    return int(code), int(held)


def attack(meant: str, answer: Any) -> Callable[[Any], Any]:
    return lambda call: answer if meant in call.path else None


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells how much was held")
@pytest.mark.parametrize("wire", CHOSEN.values(), ids=CHOSEN)
def test_reading_any_reply_of_an_org_takes_little_memory(
    org: Company, wire: dict[str, Any]
) -> None:
    org.faults.append(attack("/query", Answer(200, "", **wire)))
    script = READ.format(opening=ORG.format(token=org.token), name="Name")
    with serve_org(org) as address:
        code, held = read_in_a_process(script, address)
    assert code == 7
    assert held <= MOST, held


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells how much was held")
@pytest.mark.parametrize("wire", CHOSEN.values(), ids=CHOSEN)
def test_reading_any_reply_of_a_portal_takes_little_memory(
    portal: Portal, wire: dict[str, Any]
) -> None:
    portal.add("companies", name="x")
    portal.faults.append(attack("objects/companies", PortalAnswer(200, "", **wire)))
    script = READ.format(opening=PORTAL.format(token="t"), name="name")
    with serve_portal(portal) as address:
        code, held = read_in_a_process(script, address)
    assert code == 7
    assert held <= MOST, held
