"""Each write call of a publication and a reassignment on HubSpot goes wrong once.

Whatever happens to it, the end is that of one undisturbed execution: the portal's own
record of commits is the judge. ``make soak`` also spoils each call alone.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_company import Company, company
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_folder import (
    AFTER,
    approve_in,
    at_work,
    owners,
    steps_of,
)
from tests.worlds.hubspot_replies import Answer, Call, limited
from tests.worlds.small_portal import KEY
from tests.worlds.world import calling, plan_in

SOAK = "HANDOVER_SOAK" in os.environ
ROOT = Path(__file__).resolve().parents[1]
WRITES = ("batch/update", "batch/upsert", "batch/create", "associate/default")

Spoil = Callable[[Portal, Call], Answer]
Template = tuple[Path, Company]


def after(spoil: Callable[[Answer], Answer]) -> Spoil:
    return lambda portal, call: spoil(portal.take(call))


def instead(answer: Answer) -> Spoil:
    return lambda _portal, _call: answer


SPOILS: dict[str, Spoil] = {
    "dropped before": instead(Answer(200, "", drop=True)),
    "dropped after": after(faults.dropped),
    "cut short": after(faults.cut_short),
    "length too short": after(faults.too_short),
    "length too long": after(faults.too_long),
    "gateway before": instead(Answer(504, faults.CLOUDFLARE)),
    "gateway after": after(faults.gateway),
    "throttled": instead(limited("TEN_SECONDLY_ROLLING", **{"Retry-After": "0"})),
    "locked": instead(Answer(423, {"category": "LOCKED"}, {"Retry-After": "0"})),
    "migrating": instead(Answer(477, "", {"Retry-After": "0"})),
}
BEFORE = ("dropped before", "gateway before")
"""Nothing was done, and nothing says so."""
CALLS = range(9) if SOAK else [0]
"""The write call to spoil; 0: every one of them, the first time it is sent."""


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """An approved plan on a portal with the key property."""
    made, folder = company(), tmp_path_factory.mktemp("keyed")
    made.portal.define("tasks", KEY, unique=(KEY,))
    approve_in(folder, made)
    return folder, made


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """An approved plan on a portal without it."""
    made, folder = company(), tmp_path_factory.mktemp("plain")
    made.portal.unwritable.add("schemas")
    approve_in(folder, made)
    return folder, made


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)


def is_write(call: Call) -> bool:
    return call.path.endswith(WRITES) and bool(call.body["inputs"])


def spoil_calls(portal: Portal, spoil: Spoil, nth: int) -> None:
    """Spoil the nth write call, or the first of each kind."""
    seen: Counter[str] = Counter()

    def fault(call: Call) -> Answer | None:
        if not is_write(call):
            return None
        seen[call.path] += 1
        first = nth == 0 and seen[call.path] == 1
        chosen = nth > 0 and seen.total() == nth
        return spoil(portal, call) if first or chosen else None

    portal.faults = [fault]


def check_end(made: Company, tasks: Counter[str]) -> None:
    """Check that everything was written once, and nothing else."""
    assert owners(made) == AFTER
    assert our_tasks(made) == tasks
    again = Counter(
        (kind, key, tuple(sorted(values.items(), key=str)))
        for kind, key, values in made.portal.commits
    )
    assert set(again.values()) == {1}


def our_tasks(made: Company) -> Counter[str]:
    """Count our tasks by their subject, company and owner."""
    return Counter(
        str(
            (
                record.properties["hs_task_subject"],
                record.properties["hubspot_owner_id"],
                record.properties["hs_task_status"],
                sorted(record.links.get("companies", ())),
            )
        )
        for record in made.portal.living("tasks")
        if record.id not in made.ids.values()
    )


@pytest.fixture(scope="module")
def tasks(keyed: Template, tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """The tasks that an undisturbed execution makes."""
    folder = tmp_path_factory.mktemp("calm")
    with at_work(*keyed, folder) as made:
        with calling(folder, HUBSPOT_TOKEN=TOKEN) as call:
            for words in steps_of(plan_in(folder)):
                call(*words)
        return our_tasks(made)


@pytest.mark.parametrize(("name", "nth"), list(product(SPOILS, CALLS)))
@pytest.mark.every(2)
def test_whatever_a_write_call_suffers_the_end_is_that_of_one_execution(
    keyed: Template,
    tasks: Counter[str],
    folder: Path,
    cli: Cli,
    name: str,
    nth: int,
) -> None:
    with at_work(*keyed, folder) as made:
        spoil_calls(made.portal, SPOILS[name], nth)
        for words in steps_of(plan_in(folder)):
            ended = cli(*words)
            assert ended.code == 0, ended.out + ended.err
        check_end(made, tasks)


@pytest.mark.parametrize("name", SPOILS if SOAK else [*BEFORE, "dropped after"])
def test_without_the_key_property_what_never_came_is_doubt_and_nothing_doubles(
    plain: Template, tasks: Counter[str], folder: Path, cli: Cli, name: str
) -> None:
    with at_work(*plain, folder) as made:
        spoil_calls(made.portal, SPOILS[name], 0)
        publish, reassign = steps_of(plan_in(folder))
        unsure = name in BEFORE
        assert cli(*publish).code == (6 if unsure else 0)
        assert cli(*publish).code == (6 if unsure else 0)
        assert cli(*reassign).code == 0
        check_end(made, Counter() if unsure else tasks)


# Killed between a call and its record


def killed(folder: Path, portal: Portal, *words: str) -> int:
    """Run a command line that dies at the first write call of each kind; count that."""
    running: list[subprocess.Popen[bytes]] = []

    def deadly(portal: Portal, call: Call) -> Answer:
        answer = portal.take(call)
        os.kill(running[-1].pid, signal.SIGKILL)
        return faults.dropped(answer)

    spoil_calls(portal, deadly, 0)
    ended = -signal.SIGKILL
    while ended == -signal.SIGKILL:
        running.append(
            subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", "cli", *words, "-q"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        )
        ended = running[-1].wait()
    assert ended == 0
    return len(running) - 1


@pytest.mark.parametrize("has_key", [True, False], ids=["keyed", "plain"])
def test_kill_9_between_a_call_and_its_record_leaves_what_one_execution_would(
    request: pytest.FixtureRequest,
    tasks: Counter[str],
    folder: Path,
    *,
    has_key: bool,
) -> None:
    template: Template = request.getfixturevalue("keyed" if has_key else "plain")
    with at_work(*template, folder) as made:
        publish, reassign = steps_of(plan_in(folder))
        assert killed(folder, made.portal, *publish) == (2 if has_key else 1)
        if SOAK:
            assert killed(folder, made.portal, *reassign) >= 5
        else:
            with calling(folder, HUBSPOT_TOKEN=TOKEN) as call:
                call(*reassign)
        check_end(made, tasks)
