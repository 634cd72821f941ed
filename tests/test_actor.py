"""Who is at the keyboard: the operating system says it, not the environment."""

import os
import pwd

import pytest

from handover.jobs import actor
from handover.jobs.actor import system_user
from tests.worlds.files_folder import DECIDED, NEW, PLAN, Job


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


LOGINS = "user,login,manager,delegate\nP,{login},M,\nM,{login},B,D\nS,,M,\n"


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.every(2)
def test_who_typed_an_approval_is_shown_where_it_may_be_somebody_else(
    job: Job, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    monkeypatch.setattr(actor, "system_user", lambda: "uid 4711")
    login = "uid 4711" if is_known else ""
    (job.folder / "people.csv").write_text(LOGINS.format(login=login), encoding="utf-8")
    assert job("plan", "new", *NEW).code == 0
    assert job("plan", "edit", PLAN, *DECIDED, "--as", "M").code == 0
    assert job("plan", "submit", PLAN, "--as", "P").code == 0
    assert job("plan", "approve", PLAN, "--as", "M").code == 0
    job("plan", "publish", PLAN, "--before-announcement", "x")
    for words in (("plan", "show", PLAN), ("plan", "list")):
        shown = " ".join(job.cli(*words, env={}).out.split())
        assert ("typed by uid 4711" in shown) is not is_known, words
        (approval,) = (
            one for one in job(*words).data["decisions"] if one["decision"] == "approve"
        )
        assert (approval["person"], approval["typed_by"]) == ("M", "uid 4711")
    page = job.cli("plan", "show", PLAN, "--format", "html").out
    assert ("typed by uid 4711" in page) is not is_known
    (listed,) = job("runs", "list").data["runs"]
    run = job("runs", "show", "last").data["run"]
    for found in (listed, run):
        assert (found["person"], found["actor"]) == ("M", "uid 4711")
    assert "run by uid 4711" in job.cli("runs", "show", "last").out
    assert "uid 4711" in job.cli("runs", "list").out
