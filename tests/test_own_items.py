"""A company's own item is called by the name that the policy gives it, everywhere."""

import csv

import pytest

from tests.worlds.files_folder import DECIDED, NEW, PLANNED, Job

NAME = "クリーンルームの等級"
CODE = "organisation.cleanroom"
ITEM = f"""\
[[item]]
code = "{CODE}"
name = "{NAME}"
level = "must"
columns = ["accounts.extra_cleanroom"]
"""


@pytest.fixture
def named(job: Job) -> Job:
    """Ask for an item of the company's own that no account has."""
    (job.folder / "policy.toml").write_text(ITEM, encoding="utf-8")
    with (job.folder / "handover.toml").open("a", encoding="utf-8") as config:
        config.write('[policy]\nfile = "policy.toml"\n')
    accounts = job.export / "accounts.csv"
    lines = accounts.read_bytes().split(b"\r\n")
    header = lines[0] + b",extra_cleanroom"
    rows = [line + b"," for line in lines[1:] if line]
    accounts.write_bytes(b"\r\n".join([header, *rows, b""]))
    assert job("sync").code == 0
    return job


@pytest.mark.parametrize("language", ["en", "ja"])
def test_audit_and_show_call_it_by_its_name(named: Job, language: str) -> None:
    asked = ("--as-of", PLANNED, "--lang", language)
    for words in (
        ("audit", *asked),
        ("show", "A1", *asked),
        ("audit", *asked, "--format", "html"),
        ("policy", "show", "--lang", language),
    ):
        said = named.cli(*words).out
        assert NAME in said.replace("\n", ""), words
        assert CODE not in said


def test_plan_and_the_tasks_in_the_crm_call_it_by_its_name(named: Job) -> None:
    named("plan", "new", *NEW)
    page = named.cli(
        "plan", "show", named.plan, "--format", "html", "--as-of", PLANNED
    ).out
    assert NAME in page
    assert CODE not in page
    named("plan", "edit", named.plan, *DECIDED, "--as", "M")
    named("plan", "submit", named.plan, "--as", "P")
    named("plan", "approve", named.plan, "--as", "M")
    assert named("plan", "publish", named.plan).code == 0
    with (named.export / "handover_tasks.csv").open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert any(NAME in text for text in texts)
    assert not any("cleanroom" in text for text in texts)
