"""A copied or restored working folder is noticed before its first write."""

import shutil

import pytest

from tests.worlds.files_folder import (
    EFFECTIVE,
    PLAN,
    PLANNED,
    Job,
    bytes_of,
)

REASON = ("--reason", "the old machine is gone")


@pytest.fixture
def job(agreed: Job) -> Job:
    """A folder with an approved plan."""
    return agreed


WRITES = [
    ("plan", "publish", PLAN),
    ("reassign", PLAN),
    ("undo", "last", "--as", "M"),
    ("runs", "retry", "last"),
]


@pytest.mark.parametrize("words", WRITES)
def test_a_copy_of_a_folder_does_not_write(
    job: Job, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]
) -> None:
    assert job("reassign", PLAN, on=EFFECTIVE).code == 0
    other = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(job.folder, other)
    before = bytes_of(other / "export")
    ended = job(*words, "-c", str(other / "handover.toml"), on=EFFECTIVE)
    assert (ended.code, ended.json["error"]["code"]) == (5, "ledger_behind")
    assert bytes_of(other / "export") == before


def test_a_copy_can_be_read_and_rehearsed(
    job: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(job.folder, other)
    config = ("-c", str(other / "handover.toml"))
    for words in (("audit",), ("plan", "show", PLAN), ("sync",)):
        assert job(*words, *config).code == 0
    assert job("reassign", PLAN, "--dry-run", *config, on=EFFECTIVE).code == 0


def test_a_moved_folder_is_still_the_same(
    job: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    moved = tmp_path_factory.mktemp("elsewhere") / "moved"
    shutil.move(job.folder / ".handover", moved)
    text = (job.folder / "handover.toml").read_text(encoding="utf-8")
    (job.folder / "handover.toml").write_text(
        f'{text}[data]\nfolder = "{moved}"\n', encoding="utf-8"
    )
    assert job("reassign", PLAN, on=EFFECTIVE).code == 0


def test_yesterdays_ledger_names_the_run_that_it_does_not_know(job: Job) -> None:
    ledger = job.folder / ".handover" / "ledger.sqlite"
    yesterday = {
        path.name: path.read_bytes() for path in ledger.parent.glob(f"{ledger.name}*")
    }
    run = job("reassign", PLAN, on=EFFECTIVE).data["run"]["id"]
    for path in ledger.parent.glob(f"{ledger.name}*"):
        path.write_bytes(b"") if path.name not in yesterday else None
    for name, content in yesterday.items():
        ledger.with_name(name).write_bytes(content)
    ended = job("reassign", PLAN, on=EFFECTIVE)
    assert (ended.code, ended.json["error"]["code"]) == (5, "ledger_behind")
    assert run in ended.json["error"]["message"]


def test_a_person_can_adopt_a_copy(
    job: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(job.folder, other)
    config = ("-c", str(other / "handover.toml"))
    assert job("runs", "adopt", *config).code == 2  # a reason is needed
    assert job("runs", "adopt", *REASON, *config).code == 0
    assert job("reassign", PLAN, *config, on=EFFECTIVE).code == 0
    assert job("runs", "verify", *config, on=PLANNED).data["broken"] == []
