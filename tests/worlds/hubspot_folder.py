"""A working folder on a HubSpot portal, from sync to an approved plan."""

import base64
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from tests.conftest import Cli
from tests.worlds.copies import copy_folder
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_company import Company, company
from tests.worlds.hubspot_data import TOKEN, Fault
from tests.worlds.hubspot_faults import cut_short, dropped
from tests.worlds.hubspot_replies import Answer, Call, Json, limited
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import KEY
from tests.worlds.world import Act, Lost, Task, World, calling, plan_in

TODAY = ("--as-of", "2027-03-01")
WRITING = (*TODAY, "--yes", "--org", "4242")
CONFIG = """\
language = "en"
timezone = "Asia/Tokyo"
[time]
rehearsal = true
[crm.hubspot]
portal_id = 4242
base_url = "{address}"
token = "env:HUBSPOT_TOKEN"
rate = {{ burst = 100000, search = 100000 }}
mapping = "{mapping}"
[people]
file = "people.csv"
"""
PEOPLE = "user,manager\n7,5\n8,5\n"
AFTER = {
    **dict.fromkeys(("seiki", "denki", "hayashi", "open", "ticket", "task"), "8"),
    **dict.fromkeys(("won", "won2", "call", "visit"), "7"),
    **dict.fromkeys(("other", "ono"), "6"),
}
"""Who owns what when Sato's plan is carried out."""
MORE = {
    **AFTER,
    **dict.fromkeys(("planned", "ringing", "waiting"), "8"),
    **dict.fromkeys(("met", "rung", "finished", "closed", "lost"), "7"),
}
"""Who owns what in the larger company afterwards."""
OWN = """\
extends = "hubspot"
[transfer]
also = ["accounts.second_owner", "contacts.second_owner"]
"""
FUTURE, PAST = {"hs_timestamp": "2027-03-20T01:00:00Z"}, {"hs_timestamp": "2027-01-20"}
KINDS = ("companies", "contacts", "deals", "tickets", "tasks", "meetings", "calls")
HELD = ("records", "properties", "owners", "pipelines", "labels", "last_id")
"""What makes up a portal, but for what has happened to it."""


def larger() -> Company:
    """Sato's company with meetings, calls and tasks, open and over."""
    made = company()
    seiki, mine = ("companies", "seiki"), {"hubspot_owner_id": "7"}
    made.add(
        "planned", "meetings", seiki, hs_meeting_outcome="SCHEDULED", **FUTURE, **mine
    )
    made.add("met", "meetings", seiki, hs_meeting_outcome="COMPLETED", **PAST, **mine)
    made.add("ringing", "calls", seiki, hs_call_status="QUEUED", **FUTURE, **mine)
    made.add("rung", "calls", seiki, hs_call_status="COMPLETED", **PAST, **mine)
    made.add("waiting", "tasks", seiki, hs_task_status="WAITING", **FUTURE, **mine)
    made.add("finished", "tasks", seiki, hs_task_status="COMPLETED", **PAST, **mine)
    made.add("closed", "tickets", seiki, hs_pipeline_stage="2", **mine)
    made.add("lost", "deals", seiki, dealname="B", dealstage="3", **mine)
    for kind, name in (("companies", "seiki"), ("contacts", "hayashi")):
        made.portal.define(kind, "second_owner")
        made.portal.edit(kind, made.ids[name], second_owner="7")
    made.portal.edit("companies", made.ids["denki"], second_owner="6")
    made.portal.define("tasks", KEY, unique=(KEY,))
    return made


def configure(folder: Path, address: str) -> None:
    """Write the configuration for a portal; a mapping of its own is used."""
    own = (folder / "own.toml").exists()
    text = CONFIG.format(address=address, mapping="own.toml" if own else "hubspot")
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")


def decided(call: Callable[..., Any], plan: Callable[[], str]) -> str:
    """Sync, draw up Sato's plan, decide what is open, submit and approve it."""
    call("sync", *TODAY)
    call("plan", "new", "--from", "佐藤", "--to", "田中", *TODAY)
    name = plan()
    call("plan", "edit", name, "--no-attend", "rest", *TODAY, "--as", "5")
    call("plan", "submit", name, *TODAY, "--as", "7")
    call("plan", "approve", name, *TODAY, "--as", "5", "--evidence", "people.csv")
    return name


def steps_of(plan: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the two command lines that carry a plan out."""
    return (
        ("plan", "publish", plan, "--before-announcement", "test", *WRITING),
        ("reassign", plan, "--early", "test", *WRITING),
    )


def approve_in(folder: Path, made: Company) -> None:
    """Leave an approved plan in a folder, ready to be carried out."""
    with (
        serve(made.portal) as address,
        calling(folder, HUBSPOT_TOKEN=TOKEN) as call,
    ):
        configure(folder, address)
        decided(call, lambda: plan_in(folder))


@contextmanager
def at_work(template: Path, made: Company, folder: Path) -> Iterator[Company]:
    """Serve the portal as the template left it, with a copy of its folder."""
    copy_folder(template, folder)
    portal = Portal()
    for name in HELD:
        setattr(portal, name, copy.deepcopy(getattr(made.portal, name)))
    with serve(portal) as address:
        configure(folder, address)
        yield Company(portal=portal, ids=made.ids)


def owners(made: Company) -> dict[str, str | None]:
    """Return who owns the company's own records now, by their names."""
    known = {key: name for name, key in made.ids.items()}
    return {
        known[record.id]: record.properties.get("hubspot_owner_id")
        for kind in KINDS
        for record in made.portal.living(kind)
        if record.id in known
    }


class HubSpotWorld(World):
    """The larger company on a portal; its commits are the judge."""

    days: ClassVar[Mapping[Act, str]] = dict.fromkeys(("publish", "reassign"), TODAY[1])
    reason, org_id = "test", "4242"
    manager, successor, other = "5", "8", "6"
    mapping = "own.toml"
    answered_on = "2027-04-01"
    handed = MORE

    def __init__(self, cli: Cli, folder: Path, made: Company) -> None:
        super().__init__(cli, folder)
        self.made, self.portal = made, made.portal
        self.account, self.person = made.ids["seiki"], made.ids["hayashi"]
        self.handed = {made.ids[name]: owner for name, owner in MORE.items()}
        encoded = base64.b64encode(TOKEN.encode()).decode()
        self.secrets = (TOKEN, encoded)
        self._turned_away = 0
        self.heal()

    def owners(self) -> dict[str, str | None]:
        found = owners(self.made)
        return {self.made.ids[name]: owner for name, owner in found.items()}

    def rest(self) -> object:
        ids = set(self.made.ids.values())
        owning = {"hubspot_owner_id", "second_owner"}
        return {
            record.id: {
                name: value
                for name, value in record.properties.items()
                if value and name not in owning
            }
            for kind in KINDS
            for record in self.portal.living(kind)
            if record.id in ids
        }

    def tasks(self) -> list[Task]:
        ids = set(self.made.ids.values())
        return [
            Task(
                record.properties.get(KEY) or _last_line(record.properties),
                next(iter(record.links.get("companies", {})), ""),
                record.properties["hs_task_status"] == "COMPLETED",
                str(record.properties["hs_task_body"]),
            )
            for record in self.portal.living("tasks")
            if record.id not in ids
        ]

    def owner_changes(self) -> list[tuple[str, str]]:
        ids = set(self.made.ids.values())
        return [
            (key, str(given["hubspot_owner_id"]))
            for _, key, given in self.portal.commits
            if key in ids and "hubspot_owner_id" in given
        ]

    def phone(self) -> str | None:
        (found,) = [
            each for each in self.portal.living("contacts") if each.id == self.person
        ]
        return found.properties.get("phone") or None

    def edit_phone(self, number: str) -> None:
        self.portal.edit("contacts", self.person, phone=number)

    def give(self, account: str, owner: str) -> None:
        self.portal.edit("companies", account, hubspot_owner_id=owner)

    def finish(self) -> Sequence[str]:
        ids = self.made.ids
        self.portal.edit("deals", ids["open"], dealstage="2")
        self.portal.edit("tickets", ids["ticket"], hs_pipeline_stage="2")
        self.portal.edit("tasks", ids["task"], hs_task_status="COMPLETED")
        return (ids["open"], ids["ticket"], ids["task"])

    def take_in_hand(self, task: Task) -> None:
        (record,) = [
            record
            for record in self.portal.living("tasks")
            if record.properties.get(KEY) == task.key
        ]
        self.portal.edit("tasks", record.id, hs_timestamp="2027-03-09T12:00:00Z")

    def retire_successor(self) -> None:
        (tanaka,) = [o for o in self.portal.owners if o["id"] == self.successor]
        tanaka |= {"archived": True, "userId": None}

    def pin_another_org(self) -> None:
        config = self.folder / "handover.toml"
        text = config.read_text(encoding="utf-8").replace("= 4242", "= 777")
        config.write_text(text, encoding="utf-8")

    def take_key_field_away(self) -> None:
        del self.portal.properties["tasks"][KEY]

    def lose_replies(self, when: Lost) -> None:
        lost: set[str] = set()

        def lose(call: Call) -> Answer | None:
            if not _is_write(call) or call.path in lost:
                return None
            lost.add(call.path)
            if when == "before":
                return Answer(200, "", drop=True)
            spoil = cut_short if when == "mid-body" else dropped
            return spoil(self.portal.take(call))

        self._break(lose)

    def hide_tasks(self) -> None:
        self.lose_replies("after")
        theirs = set(self.made.ids.values())

        def unseen(call: Call) -> Answer | None:
            if not call.path.endswith("companies/tasks/batch/read"):
                return None
            answer = self.portal.take(call)
            assert isinstance(answer.body, dict)
            for each in answer.body["results"]:
                each["to"] = [
                    to for to in each["to"] if str(to["toObjectId"]) in theirs
                ]
            return answer

        self._break(unseen)

    def end_the_day(self) -> None:
        left = [1]

        def spent(call: Call) -> Answer | None:
            left[0] -= _is_write(call) or left[0] < 0
            if left[0] >= 0:
                return None
            self._turned_away += 1
            return limited("DAILY")

        self._break(spent)

    def refuse(self, account: str) -> tuple[str, str]:
        words = "宅配便の住所 is required"

        def refuse(call: Call) -> Answer | None:
            inputs = call.body.get("inputs") or []
            bad = [one for one in inputs if one.get("id") == account]
            if not call.path.endswith("companies/batch/update") or not bad:
                return None
            call.body["inputs"] = [one for one in inputs if one not in bad]
            answer = self.portal.take(call)
            assert isinstance(answer.body, dict)
            entry: Json = {
                "status": "error",
                "category": "VALIDATION_ERROR",
                "message": words,
                "context": {"objectWriteTraceId": [bad[0]["objectWriteTraceId"]]},
            }
            body = {**answer.body, "numErrors": 1, "errors": [entry]}
            return replace(answer, status=207, body=body)

        self._break(refuse)
        return "VALIDATION_ERROR", words

    def quote_secrets(self) -> None:
        text = f"Authorization: Bearer {' or '.join(self.secrets)} is bad"
        refused = Answer(400, {"message": text, "category": "X"})
        self._break(lambda call: refused if _is_write(call) else None)

    def calls_turned_away(self) -> int:
        return self._turned_away

    def heal(self) -> None:
        self.portal.faults = [self._see]

    def _break(self, fault: Fault) -> None:
        self.portal.faults.append(fault)

    def _see(self, call: Call) -> None:
        if _is_write(call):
            inputs = call.body.get("inputs") or []
            traces = [one.get("objectWriteTraceId") for one in inputs]
            self.arriving([str(trace) for trace in traces if trace])


def _is_write(call: Call) -> bool:
    """Return whether a call would change records; a look at a scope sends no inputs."""
    return not call.path.endswith("/read") and bool(call.body.get("inputs"))


def _last_line(properties: dict[str, str | None]) -> str:
    """Read our key out of a task's body."""
    body = (properties.get("hs_task_body") or "").replace("<br>", "\n")
    return body.splitlines()[-1]


@contextmanager
def hubspot_world(
    cli: Cli, folder: Path, template: tuple[Path, Company]
) -> Iterator[HubSpotWorld]:
    """Serve the larger company, with an approved plan in a folder."""
    with at_work(*template, folder) as made:
        yield HubSpotWorld(cli, folder, made)
