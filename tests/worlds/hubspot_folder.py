"""A working folder on a HubSpot portal, from sync to an approved plan."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli import handover as root
from handover.commands.shell import run
from handover.ledger import Ledger
from handover.plan import store
from tests.worlds.copies import copy_folder
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_company import Company
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_serving import serve

TODAY = ("--as-of", "2027-03-01")
WRITING = (*TODAY, "--yes", "--org", "4242")
CONFIG = """\
language = "en"
timezone = "Asia/Tokyo"
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
HELD = ("records", "properties", "owners", "pipelines", "labels", "_ids")
"""What makes up a portal, but for what has happened to it."""


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
    """Give the two command lines that carry a plan out."""
    return (
        ("plan", "publish", plan, "--before-announcement", "test", *WRITING),
        ("reassign", plan, "--early", "test", *WRITING),
    )


def plan_in(folder: Path) -> str:
    """Name the plan that lies in a folder."""
    ledger = Ledger.open(folder / ".handover" / "ledger.sqlite")
    with ledger.read() as connection:
        return store.load_all(connection)[0].id


def approve_in(folder: Path, made: Company) -> None:
    """Leave an approved plan in a folder, ready to be carried out."""
    with serve(made.portal) as address, calling(folder) as call:
        configure(folder, address)
        decided(call, lambda: plan_in(folder))


@contextmanager
def calling(folder: Path) -> Iterator[Callable[..., None]]:
    """Give the command line in a folder, for fixtures of a whole module."""

    def call(*words: str) -> None:
        assert run(root, (*words, "-q"), {}) == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBSPOT_TOKEN", TOKEN)
        patch.chdir(folder)
        yield call


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
    """Tell who owns the company's own records now, by their names."""
    known = {key: name for name, key in made.ids.items()}
    kinds = ("companies", "contacts", "deals", "tickets", "tasks", "meetings", "calls")
    return {
        known[record.id]: record.properties.get("hubspot_owner_id")
        for kind in kinds
        for record in made.portal.living(kind)
        if record.id in known
    }
