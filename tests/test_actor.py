"""Who is at the keyboard: the operating system says it, not the environment."""

import os
import pwd

import pytest

from handover.jobs.actor import system_user
from tests.worlds.files_folder import PLAN, Job


@pytest.mark.parametrize("name", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_no_variable_makes_anybody_somebody_else(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    known = system_user()
    monkeypatch.setenv(name, "the.manager")
    assert system_user() == known


def test_a_user_without_a_name_is_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_number: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", fail)
    assert system_user() == f"uid {os.getuid()}"


def test_the_managers_login_cannot_be_put_on(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = "user,login,manager,delegate\nP,,M,\nM,the.manager,B,D\nS,,M,\n"
    (job.folder / "people.csv").write_text(people, encoding="utf-8")
    job("plan", "new", "--from", "Sato", "--to", "Tanaka", "--end", "2027-03-12")
    decided = ("--no-attend", "rest", "--loose", "opportunities=transfer")
    assert job("plan", "edit", PLAN, *decided, "--as", "M").code == 0
    assert job("plan", "submit", PLAN, "--as", "P").code == 0
    monkeypatch.setenv("LOGNAME", "the.manager")
    ended = job("plan", "approve", PLAN, "--as", "M")
    assert (ended.code, ended.json["error"]["code"]) == (5, "on_behalf_needed")
