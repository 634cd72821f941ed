"""The whole way on a HubSpot portal, by the command line; its commits are the judge."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from handover.jobs.workspace import Workspace
from tests.conftest import Cli, Ended
from tests.worlds.hubspot_company import Company, company
from tests.worlds.hubspot_data import TOKEN, Record
from tests.worlds.hubspot_faults import after_commit, gateway, lost_before, times
from tests.worlds.hubspot_folder import (
    AFTER,
    TODAY,
    WRITING,
    configure,
    decided,
    owners,
)
from tests.worlds.hubspot_replies import Answer, Call
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import KEY
from tests.worlds.world import plan_in


class Desk:
    """A working folder on the portal."""

    def __init__(self, cli: Cli, made: Company) -> None:
        self.cli, self.company, self.portal = cli, made, made.portal

    def __call__(self, *words: str, code: int = 0) -> Ended:
        ended = self.cli(*words, "--json")
        assert ended.code == code, ended.out + ended.err
        assert TOKEN not in ended.out + ended.err
        return ended

    def approved(self) -> str:
        """Leave an approved plan; give its name."""
        return decided(self, lambda: plan_in(Path.cwd()))

    def our_tasks(self) -> list[Record]:
        theirs = self.company.ids.values()
        return [r for r in self.portal.living("tasks") if r.id not in theirs]

    def owners(self) -> dict[str, str | None]:
        return owners(self.company)


@pytest.fixture
def desk(folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    made = company()
    with serve(made.portal) as address:
        configure(folder, address)
        yield Desk(cli, made)


def outcomes(ended: Ended) -> Counter[str]:
    return Counter(step["outcome"] for step in ended.data["run"]["steps"])


def test_from_sync_to_undo_on_hubspot(desk: Desk) -> None:
    desk("doctor", "--fix", *WRITING)
    desk("sync", *TODAY)
    audit = desk("audit", *TODAY).data
    assert {row["name"] for row in audit["accounts"]} >= {"東京精機", "大阪電機"}
    plan, before = desk.approved(), desk.owners()
    desk("plan", "publish", plan, "--before-announcement", "test", *WRITING)
    tasks = [r for r in desk.portal.living("tasks") if r.properties.get("handover_key")]
    assert tasks
    assert all(record.links["companies"] for record in tasks)
    run = desk("reassign", plan, "--early", "test", *WRITING)
    assert set(outcomes(run)) == {"done"}
    assert desk.owners() == AFTER
    desk("undo", "last", *WRITING, "--as", "5")
    assert desk.owners() == before


def test_a_task_gets_its_company_also_after_a_sync_has_seen_it_without(
    desk: Desk,
) -> None:
    desk("doctor", "--fix", *WRITING)
    plan = desk.approved()
    publish = ("plan", "publish", plan, "--before-announcement", "test", *WRITING)
    desk.portal.faults = [times(Answer(200, "", drop=True), "associate/default", 100)]
    left = desk(*publish, code=6)
    assert {step["outcome"] for step in left.data["run"]["steps"]} == {"in_doubt"}
    assert not desk.our_tasks()[0].links
    desk.portal.faults = []
    desk("sync", *TODAY)
    desk(*publish)
    assert all(record.links["companies"] for record in desk.our_tasks())
    assert len(desk.our_tasks()) == len(left.data["run"]["steps"])


def test_without_the_property_the_body_carries_the_key(desk: Desk) -> None:
    desk.portal.unwritable.add("schemas")
    plan = desk.approved()
    publish = ("plan", "publish", plan, "--before-announcement", "test", *WRITING)
    desk.portal.faults.append(after_commit(desk.portal, "tasks/batch/create", gateway))
    desk(*publish)
    made = len(desk.portal.living("tasks"))
    desk(*publish)
    desk("sync", *TODAY)
    desk(*publish)
    assert len(desk.portal.living("tasks")) == made
    run = desk("reassign", plan, "--early", "test", *WRITING)
    assert not [s for s in run.data["run"]["steps"] if s["action"] == "activity_owner"][
        1:
    ]


def test_without_the_property_a_task_that_never_came_is_made_when_that_is_certain(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.portal.unwritable.add("schemas")
    plan = desk.approved()
    desk.portal.search_lag = dt.timedelta(days=300_000)
    publish = ("plan", "publish", plan, "--before-announcement", "test", *WRITING)
    desk.portal.faults = [lost_before("tasks/batch/create")]
    for code in ("reply_lost", "still_in_doubt"):
        steps = desk(*publish, code=6).data["run"]["steps"]
        assert {step["code"] for step in steps} == {code}
    assert not desk.our_tasks()
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=4)
    monkeypatch.setattr(Workspace, "clock", lambda _self: later)
    made = desk(*publish).data["run"]["counts"]["done"]
    assert len(desk.our_tasks()) == made > 0
    assert not [call for call in desk.portal.calls if call.path.endswith("search")]


def test_a_key_property_made_since_doubles_no_task_that_was_in_doubt(
    desk: Desk,
) -> None:
    plan = desk.approved()
    publish = ("plan", "publish", plan, "--before-announcement", "test", *WRITING)
    lost = after_commit(desk.portal, "tasks/batch/create")
    gone = Answer(403, {"category": "MISSING_SCOPES"})

    def unseen(call: Call) -> Answer | None:
        made = desk.portal.commits and call.path.endswith("tasks/batch/read")
        return gone if made else None

    desk.portal.faults = [lost, unseen]
    steps = desk(*publish, code=6).data["run"]["steps"]
    assert {step["outcome"] for step in steps} == {"in_doubt"}
    desk.portal.faults = []
    desk("doctor", "--fix", *WRITING)
    desk(*publish)
    assert len(desk.our_tasks()) == len(steps)


def test_doctor_makes_the_key_property_once_and_says_so(desk: Desk) -> None:
    lacking = desk.cli("doctor", *TODAY).out
    assert "hubspot lacks tasks.handover_key" in lacking
    assert "handover doctor --fix" in lacking
    assert not desk.portal.commits
    assert "tasks.handover_key was made" in desk.cli("doctor", "--fix", *WRITING).out
    assert "handover_key" not in desk.cli("doctor", "--fix", *WRITING).out
    assert [kind for kind, *_ in desk.portal.commits] == ["properties"]
    assert desk.portal.properties["tasks"][KEY]["hasUniqueValue"] is True


def test_doctor_makes_nothing_where_it_may_not_or_in_another_portal(
    desk: Desk,
) -> None:
    desk.portal.unwritable.add("schemas")
    assert "Ask an administrator" in desk.cli("doctor", "--fix", *WRITING).out
    desk.portal.unwritable.clear()
    config = Path("handover.toml")
    text = config.read_text(encoding="utf-8").replace("4242", "777")
    config.write_text(text, encoding="utf-8")
    assert desk.cli("doctor", "--fix", *WRITING).code == 5
    assert not desk.portal.commits


def test_a_missing_scope_is_found_before_the_first_write(desk: Desk) -> None:
    desk.portal.unwritable.add("tickets")
    plan = desk.approved()
    checks = desk("doctor", *TODAY).data["checks"]
    said = [check["detail"] for check in checks if check["code"] == "permission"]
    assert any("crm.objects.tickets.write" in text for text in said)
    publish = ("plan", "publish", plan, "--before-announcement", "test", *WRITING)
    for words in (publish, ("reassign", plan, "--early", "test", *WRITING)):
        ended = desk(*words, code=4)
        assert "crm.objects.tickets.write" in ended.json["error"]["message"]
    assert not desk.portal.commits


def test_verbose_says_whether_it_was_listed_or_searched(desk: Desk) -> None:
    assert "companies: 3 rows, by list" in desk.cli("sync", "-v", *TODAY).err
    told = desk.cli("sync", "-v", *TODAY).err
    assert "companies: 3 rows, by search" in told
    assert told.count("does not see what was deleted for good") == 1


def test_a_successor_is_named_by_owner_id_not_by_user_id(desk: Desk) -> None:
    desk("sync", *TODAY)
    ended = desk("plan", "new", "--from", "7", "--to", "80", *TODAY, code=2)
    assert ended.json["error"]["code"] == "unknown_name"
