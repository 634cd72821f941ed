"""Copies of a folder and old ledgers are noticed where the CRM keeps who wrote last."""

import datetime as dt
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handover.errors import HandoverError
from handover.i18n import words_for
from handover.jobs.transfer import Manner, Transferred, publish, reassign
from handover.jobs.workspace import open_workspace
from handover.transfer.crash_points import POINTS
from handover.transfer.prepare import TransferRequest
from tests.conftest import Cli
from tests.worlds import files_folder, hubspot_folder, salesforce_folder
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.world import Act, Task, World, each_once

SOAK = "HANDOVER_SOAK" in os.environ
pytestmark = pytest.mark.sampled

CRMS = ("files", "salesforce", "hubspot")
REASON = ("--reason", "the old machine is gone")
ANCHOR = '[ledger]\nanchor = "crm"\n'


@pytest.fixture(params=CRMS)
def world(
    request: pytest.FixtureRequest,
    folder: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """A folder with an approved plan, on each kind of CRM."""
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    for name, value in salesforce_folder.LOGIN.items():
        monkeypatch.setenv(name, value)
    if request.param == "files":
        files_folder.job_in(folder, request.getfixturevalue("approved_files"), cli)
        yield files_folder.FilesWorld(cli, folder, monkeypatch)
    elif request.param == "salesforce":
        template = request.getfixturevalue("approved_org")
        with salesforce_folder.salesforce_world(cli, folder, template) as org:
            yield org
    else:
        template = request.getfixturevalue("approved_portal")
        with hubspot_folder.hubspot_world(cli, folder, template) as portal:
            yield portal


@pytest.fixture
def anchored(world: World) -> World:
    """Let the CRM keep which run wrote last."""
    config = world.folder / "handover.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text + ANCHOR, encoding="utf-8")
    return world


def records(world: World) -> list[Task]:
    return [task for task in world.tasks() if "handover:folder:" in task.key]


def handed_out(world: World) -> list[Task]:
    return [task for task in world.tasks() if "handover:folder:" not in task.key]


def behind(world: World, run_id: str, *words: str) -> bool:
    """Tell whether a command is refused for a run that it does not know."""
    arrived = len(world.arrived)
    ended = world.run(*words)
    error = ended.json["error"]
    assert (ended.code, error["code"]) == (5, "ledger_behind"), ended.out
    return run_id in error["message"] and len(world.arrived) == arrived


def test_the_crm_keeps_one_closed_task_for_a_folder_and_nothing_hangs_on_it(
    anchored: World,
) -> None:
    for act in ("publish", "reassign"):
        anchored.done(*anchored.words(act))
    (kept,) = records(anchored)
    assert kept.done
    assert not kept.account
    assert anchored.owners() == anchored.handed
    anchored.done(*anchored.undoing())
    (still,) = records(anchored)
    assert (still.key, still.done, still.account) == (kept.key, True, kept.account)
    assert anchored.run("runs", "verify").data["broken"] == []


def test_a_folder_put_back_as_it_was_is_noticed_before_its_first_write(
    anchored: World,
) -> None:
    """Ledger, mirror and files of runs are all of yesterday: only the CRM can tell."""
    anchored.done(*anchored.words("publish"))
    kept = {
        path: path.read_bytes()
        for path in (anchored.folder / ".handover").rglob("*")
        if path.is_file()
    }
    run_id = anchored.done(*anchored.words("reassign"))["id"]
    shutil.rmtree(anchored.folder / ".handover" / "runs" / run_id)
    for path, content in kept.items():
        path.write_bytes(content)
    for words in (anchored.words("reassign"), anchored.undoing()):
        assert behind(anchored, run_id, *words)
    told = anchored.run("runs", "verify").data["broken"]
    assert [(one["kind"], one["id"], one["what"]) for one in told] == [
        ("anchor", run_id, "behind")
    ]
    adopted = anchored.run("runs", "adopt", *REASON)
    assert (adopted.code, adopted.data["unknown_runs"]) == (0, [run_id])
    again = anchored.done(*anchored.words("reassign"))
    assert {step["code"] for step in again["steps"]} <= {"already"}
    assert anchored.owners() == anchored.handed
    assert each_once(anchored.owner_changes())


def test_two_copies_that_write_in_turn_stop_each_other(
    anchored: World, tmp_path: Path
) -> None:
    other = anchored.another_machine(tmp_path / "other machine")
    first = anchored.done(*anchored.words("publish"))["id"]
    assert behind(anchored, first, *anchored.words("publish"), *other)
    assert anchored.run("runs", "adopt", *REASON, *other).code == 0
    second = anchored.done(*anchored.words("publish"), *other)
    assert {step["code"] for step in second["steps"]} == {"already"}
    assert behind(anchored, second["id"], *anchored.words("reassign"))
    assert len(records(anchored)) == 1
    assert each_once([task.key for task in handed_out(anchored)])


def test_a_crm_without_a_key_field_cannot_keep_it_and_says_so(world: World) -> None:
    if isinstance(world, files_folder.FilesWorld):
        world.cannot("the file of tasks is ours: its key column is always there")
    config = world.folder / "handover.toml"
    config.write_text(config.read_text(encoding="utf-8") + ANCHOR, encoding="utf-8")
    world.take_key_field_away()
    ended = world.do("publish")
    assert ended.code == 0
    assert "no_folder_record" in {each["code"] for each in ended.json["warnings"]}
    assert records(world) == []


@pytest.mark.parametrize("keyed", [True, False] if SOAK else [True])
def test_tasks_that_another_folder_made_are_said_to_be(
    world: World, tmp_path: Path, *, keyed: bool
) -> None:
    if not keyed:
        world.take_key_field_away()
    other = world.another_machine(tmp_path / "other machine")
    made = world.do("publish")
    again = world.do("publish", *other)
    assert (made.code, again.code) == (0, 0)
    codes = [
        {each["code"] for each in ended.json["warnings"]} for ended in (made, again)
    ]
    assert ["made_elsewhere" in found for found in codes] == [False, True]
    assert each_once([task.key for task in world.tasks()])


# Two folders at the same time, without anything in the CRM that could tell


def carry_out(
    world: World, act: Act, folder: Path, reached: Callable[[str], None]
) -> Transferred:
    """Carry the plan out in one of two folders, as the command does."""
    workspace = open_workspace(
        "en",
        config=str(folder / "handover.toml"),
        as_of=dt.date.fromisoformat(world.days[act]),
    )
    org, why = world.org_id or None, world.reason or None
    manner = Manner(org_id=org, yes=True, reached=reached)
    if act == "reassign":
        asked = TransferRequest(org_id=org, early=why)
        return reassign(workspace, world.plan, asked, manner)
    asked = TransferRequest(org_id=org, before_announcement=why)
    return publish(workspace, world.plan, asked, manner, words_for("ja"))


def overtaken(
    world: World, act: Act, other: Path, point: str
) -> tuple[Transferred, Transferred]:
    """Carry the plan out, while another folder does all of it at a point of the run."""
    second: list[Transferred] = []

    def reached(name: str) -> None:
        if name == point and not second:
            second.append(carry_out(world, act, other, lambda _name: None))

    first = carry_out(world, act, world.folder, reached)
    return first, second[0]


def set_owners(world: World) -> dict[str, set[str]]:
    """Tell which owners each record was given, in all."""
    found: dict[str, set[str]] = defaultdict(set)
    for record, owner in world.owner_changes():
        found[record].add(owner)
    return found


BETWEEN = (
    [point for point in POINTS if point != "doubt_settled"]  # nothing is in doubt
    if SOAK
    else ["intent_recorded"]
)


@pytest.mark.parametrize("point", BETWEEN)
def test_owners_are_set_to_the_successor_and_never_back_when_two_folders_write_at_once(
    world: World, tmp_path: Path, point: str
) -> None:
    """Nor does anybody leave a team, or stand on it twice."""
    if isinstance(world, hubspot_folder.HubSpotWorld):
        world.portal.contacts_follow = True
    rest = world.rest()
    world.another_machine(tmp_path / "other")
    overtaken(world, "reassign", tmp_path / "other", point)
    assert world.owners() == world.handed
    assert all(set_owners(world)[r] <= {o} for r, o in world.handed.items())
    assert world.rest() == rest


@pytest.mark.parametrize("keyed", [True, False], ids=["key field", "mark"])
def test_tasks_that_two_folders_make_at_once_are_made_once_or_named(
    world: World, tmp_path: Path, *, keyed: bool
) -> None:
    if not keyed:
        world.take_key_field_away()
    other = tmp_path / "other"
    world.another_machine(other)
    first, second = overtaken(world, "publish", other, "intent_recorded")
    assert second.executed.error is None
    keys = [task.key for task in world.tasks()]
    error = first.executed.error
    if keyed:
        assert each_once(keys)
        assert error is None
        return
    assert error is not None
    assert (error.code, error.exit_code) == ("tasks_doubled", 6)
    assert error.params["n"] == len(keys) - len(set(keys)) > 0
    for words in ((), ("-c", str(other / "handover.toml"))):
        ended = world.run("runs", "verify", *words)
        assert ended.code == 6
        whats = [each["what"] for each in ended.data["broken"]]
        assert whats == ["doubled"] * (len(keys) - len(set(keys)))


@pytest.mark.parametrize("attempt", range(20 * SOAK))
def test_two_folders_that_race_set_each_owner_to_the_successor(
    world: World, tmp_path: Path, attempt: int
) -> None:
    if isinstance(world, hubspot_folder.HubSpotWorld):
        world.portal.contacts_follow = attempt % 2 == 0
    rest, other = world.rest(), tmp_path / "other"
    world.another_machine(other)
    ready = threading.Barrier(2)
    failures: list[HandoverError] = []

    def meet(point: str) -> None:
        if point == "steps_prepared":
            ready.wait(30)

    def race(folder: Path) -> None:
        try:
            carry_out(world, "reassign", folder, meet)
        except HandoverError as error:
            failures.append(error)

    threads = [threading.Thread(target=race, args=(f,)) for f in (world.folder, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert world.do("reassign").code == 0  # a file that was in use is taken up again
    assert world.owners() == world.handed
    assert all(set_owners(world)[r] <= {o} for r, o in world.handed.items())
    assert world.rest() == rest
