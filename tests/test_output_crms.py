"""Names and words of a CRM do nothing, neither here nor where they are written back."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, Ended
from tests.worlds import hubspot_folder, salesforce_folder
from tests.worlds.hostile import (
    SAMPLE,
    TERMINAL,
    computed_in,
    controls_in,
    page_of,
    shown,
    squeezed,
)
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_replies import Answer, Call, Json
from tests.worlds.hubspot_serving import serve
from tests.worlds.world import plan_in

SAID = f"{TERMINAL[2]} <b>no</b> x;=1+1 {TERMINAL[10]}"


def looked_at(ended: Ended, *, is_text: bool = True) -> Ended:
    """Look at all that a command said."""
    assert ended.code in (0, 6), ended.err
    assert not controls_in(ended.err)
    if is_text:
        assert not controls_in(ended.out)
    return ended


def read_everything(cli: Cli, plan: str, *day: str) -> None:
    """Look at the customers' names in what is read."""
    for words in (("audit",), ("plan", "show", plan)):
        page = page_of(looked_at(cli(*words, "--format", "html", *day)).out)
        told = squeezed(page.text)
        assert [name for name in SAMPLE if shown(name) not in told] == []
        assert all(link.startswith("http") for link in page.links)
        assert not any("evil" in link for link in page.links)
    csv = looked_at(cli("audit", "--format", "csv", *day), is_text=False).out
    assert computed_in(csv.encode()) == []
    looked_at(cli("plan", "show", plan, *day))


def look_at_run_files(folder: Path) -> None:
    """Look at what a run has written down of the CRM's words."""
    written = (folder / ".handover" / "runs").glob("*/error.csv")
    texts = [path.read_text(encoding="utf-8-sig") for path in written]
    assert any("<b>no</b>" in text for text in texts)
    for text in texts:
        assert not controls_in(text)
        assert computed_in(text.encode()) == []


def test_names_and_words_of_an_org_do_nothing(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with salesforce_folder.sitting(cli, folder, monkeypatch) as desk:
        org, sato = desk.org, desk.made.sato
        for name in SAMPLE:
            org.add("Account", Name=name, OwnerId=sato, CustomerClass__c="一般")
        plan = desk.approved_plan()
        day = ("--as-of", salesforce_folder.TODAY)
        read_everything(cli, plan, *day)
        looked_at(cli("plan", "publish", plan, "--yes", *day))
        tasks = [
            row for row in org.records["Task"].values() if "Handover" in row["Subject"]
        ]
        assert_inert(tasks, "Subject", "Description")
        org.refuse = lambda kind, _: SAID if kind == "Account" else None
        day = ("--as-of", salesforce_folder.EFFECTIVE)
        assert "<b>no</b>" in looked_at(cli("reassign", plan, "--yes", *day)).out
    look_at_run_files(folder)


def assert_inert(tasks: list[dict[str, Any]], *fields: str) -> None:
    texts = [str(task[field]) for task in tasks for field in fields]
    assert len(texts) > len(SAMPLE)
    assert [text for text in texts if controls_in(text)] == []


def test_names_and_words_of_a_portal_do_nothing(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    made = hubspot_folder.larger()
    for n, name in enumerate(SAMPLE):
        made.add(f"h{n}", "companies", name=name, hubspot_owner_id="7")
    with serve(made.portal) as address:
        hubspot_folder.configure(folder, address)
        plan = hubspot_folder.decided(
            lambda *words: looked_at(cli(*words)), lambda: plan_in(folder)
        )
        read_everything(cli, plan, *hubspot_folder.TODAY)
        publish, reassign = hubspot_folder.steps_of(plan)
        looked_at(cli(*publish))
        tasks = [
            record.properties
            for record in made.portal.living("tasks")
            if record.id not in made.ids.values()
        ]
        assert_inert(tasks, "hs_task_subject", "hs_task_body")
        bodies = [page_of(str(task["hs_task_body"])) for task in tasks]
        assert {tag for body in bodies for tag in body.elements} <= {"br"}
        told = squeezed("".join(body.text for body in bodies))
        assert [name for name in SAMPLE if shown(name) not in told] == []
        made.portal.faults.append(refuse_owners)
        assert "<b>no</b>" in looked_at(cli(*reassign)).out
    look_at_run_files(folder)


def refuse_owners(call: Call) -> Answer | None:
    """Refuse each change of a company, in words of the portal."""
    if not call.path.endswith("companies/batch/update"):
        return None
    errors: list[Json] = [
        {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "message": SAID,
            "context": {"objectWriteTraceId": [one["objectWriteTraceId"]]},
        }
        for one in call.body["inputs"]
    ]
    body = {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": errors}
    return Answer(207, body)
