"""A company in memory whose accounts change hands, as the transfer's tests see it.

P hands over to S (and T); M is the manager. The accounts are A01 ...; each has a
contact, an open and a won opportunity, a request, an open task and a past call of P.
"""

import atexit
import datetime as dt
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Connector, Create
from connectors.memory import MemoryCRM
from handover.i18n import words_for
from handover.ledger import Ledger
from handover.ledger.runs import Entry, entries_of, find_run_to_undo
from handover.mirror.generations import current_generation
from handover.mirror.sync import Source, Syncer, SyncOptions
from handover.mirror.views import Mirror, open_mirror
from handover.plan import approval, store
from handover.plan.approval import ApprovedPlan
from handover.plan.build import seal
from handover.plan.model import Plan, PlannedOpportunity, Row, Visit
from handover.plan.terms import Circumstances
from handover.policy import Policy
from handover.transfer.checks import Site
from handover.transfer.crash_points import Reached
from handover.transfer.execute import (
    Executed,
    RunRegister,
    execute,
    leave_files,
    rehearse,
)
from handover.transfer.prepare import (
    Prepared,
    TransferRequest,
    prepare_publish,
    prepare_reassign,
    prepare_undo,
)
from handover.transfer.settle import recover
from handover.transfer.to_crm import bind
from handover.transfer.undo import undo_of
from mappings.load import load_mapping
from mappings.translate import TranslationSettings
from tests.worlds.small_company import COMPANY, POLICY, by, people

TODAY = dt.date(2027, 4, 1)
NOW = dt.datetime(2027, 4, 1, 3, 0, tzinfo=dt.UTC)
ZONE = ZoneInfo("Asia/Tokyo")
PLAN = "2027-04-p-s"
MAPPING = """\
extends = "files"
[account_team.fields]
id = "id"
[write.task]
constants = { kind = "task", happened_at = "" }
"""
TASKS = "handover_tasks.csv"

Cells = dict[str, str | None]

_TEMPLATES = tempfile.TemporaryDirectory()
atexit.register(_TEMPLATES.cleanup)


def records(accounts: int = 3) -> dict[str, list[Cells]]:
    """The company's records by object."""
    ids = [f"{n:02}" for n in range(1, accounts + 1)]
    users = [{"id": key, "name": key, "is_active": "true"} for key in "PSTMD"]
    opportunity: Cells = {"owner_id": "P", "is_won": "false", "is_closed": "false"}
    won: Cells = {"owner_id": "P", "is_won": "true", "is_closed": "true"}
    task: Cells = {
        "owner_id": "P",
        "kind": "task",
        "is_done": "false",
        "due": "2027-05-01",
    }
    call: Cells = {"owner_id": "P", "kind": "call", "is_done": "true"}
    none: Cells = {"contact_id": None, "opportunity_id": None, "handover_key": None}
    return {
        "users.csv": [dict(row) for row in users],
        "accounts.csv": [
            {"id": f"A{n}", "name": f"客先{n}", "owner_id": "P", "second": "P"}
            for n in ids
        ],
        "contacts.csv": [
            {"id": f"C{n}", "name": "林", "account_id": f"A{n}", "owner_id": "P"}
            for n in ids
        ],
        "contact_links.csv": [{"id": "-", "contact_id": None, "account_id": None}],
        "opportunities.csv": [
            *({"id": f"O{n}", "account_id": f"A{n}", **opportunity} for n in ids),
            *({"id": f"W{n}", "account_id": f"A{n}", **won} for n in ids),
        ],
        "requests.csv": [
            {
                "id": f"R{n}",
                "account_id": f"A{n}",
                "owner_id": "P",
                "subject": "見積",
                "is_open": "true",
            }
            for n in ids
        ],
        "activities.csv": [
            *({"id": f"K{n}", "account_id": f"A{n}", **none, **task} for n in ids),
            *(
                {
                    "id": f"D{n}",
                    "account_id": f"A{n}",
                    "happened_at": "2027-03-01",
                    **none,
                    **call,
                }
                for n in ids
            ),
        ],
        "account_team.csv": [
            {"id": f"M{n}", "record_id": f"A{n}", "user_id": "T", "role": "support"}
            for n in ids
        ],
    }


def row(number: int, **known: Any) -> Row:
    """A row that is handed over by information, today."""
    key = f"{number:02}"
    given: dict[str, Any] = {
        "source": "memory",
        "account_id": f"A{key}",
        "account": f"客先{key}",
        "successor_id": "S",
        "mode": "inform",
        "reasons": (),
        "customer_class": None,
        "value": 0,
        "score": None,
        "ready": False,
        "effective": TODAY,
        "co_attendance": "undecided",
        "opportunities": (PlannedOpportunity(id=f"O{key}", action="transfer"),),
        "gaps": (),
        "visit": None,
        "state": "proposed",
    }
    return Row(**{**given, **known})


def with_transfer(**rules: Any) -> Policy:
    """A policy with these rules of transfers."""
    transfer = POLICY.transfer.model_copy(update=rules)
    return POLICY.model_copy(update={"transfer": transfer})


def visit(day: dt.date, *attendees: str) -> Visit:
    """A meeting in the morning of a day."""
    return Visit(
        date=day,
        start="09:30",
        end="10:15",
        minutes=45,
        travel_minutes=30,
        online=False,
        place="本社",
        contact_ids=("C01",),
        attendees=attendees,
    )


def plan(rows: Iterable[Row], **known: Any) -> Plan:
    """A submitted plan of P, drawn up for today."""
    given: dict[str, Any] = {
        "id": PLAN,
        "source": "memory",
        "version": 1,
        "state": "submitted",
        "fingerprint": "",
        "author": "P",
        "predecessor": "P",
        "successors": ("S",),
        "manager": "M",
        "notice": dt.date(2027, 3, 1),
        "announce": dt.date(2027, 3, 1),
        "start": dt.date(2027, 3, 2),
        "end": dt.date(2027, 3, 31),
        "effective": TODAY,
        "minimum_days": 1,
        "minimum_end": dt.date(2027, 3, 2),
        "minimum_days_bound": {"days": 1, "why": "one_visit"},
        "rows": tuple(rows),
        "loose": (),
        "overflow": (),
        "options": (),
        "policy_hash": POLICY.hash,
        "org_id": "memory:1",
        "generation": 1,
    }
    made = Plan(**{**given, **known})
    return made.model_copy(update={"fingerprint": made.computed_fingerprint()})


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: dt.datetime = NOW

    def __call__(self) -> dt.datetime:
        """Return the time; a microsecond passes, so that no two moments are equal."""
        self.now += dt.timedelta(microseconds=1)
        return self.now


@dataclass(kw_only=True)
class Office:
    """A working folder on a CRM, without the command line."""

    folder: Path
    crm: MemoryCRM
    connector: Connector | None = None
    """What stands between us and the CRM, if not the CRM itself."""
    mapping_text: str = MAPPING
    clock: Clock = field(default_factory=Clock)
    as_of: dt.date = TODAY
    policy: Policy = POLICY
    stopped: Callable[[], bool] = lambda: False
    reached: Reached = lambda _point: None

    def __post_init__(self) -> None:
        """Open the ledger, and read the CRM if nobody has."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "map.toml").write_text(self.mapping_text, encoding="utf-8")
        self.mapping = load_mapping("map.toml", self.folder)
        self.ledger = Ledger.open(self.folder / "ledger.sqlite")
        if not (self.folder / "mirror").exists():
            self.sync()

    def sync(self) -> None:
        """Copy the CRM's facts into the mirror."""
        mapping = self.mapping
        Syncer(
            ledger=self.ledger,
            folder=self.folder / "mirror",
            settings=TranslationSettings(
                timezone=ZONE, country="JP", currency="JPY", empty_words=frozenset()
            ),
            now=self.clock(),
            options=SyncOptions(allow_shrink=True),
        ).sync([Source(name="memory", connect=lambda: self.crm, mapping=mapping)])

    def approve(self, wanted: Plan) -> None:
        """Put a submitted plan on record, and have its manager approve it."""
        with self.ledger.begin() as connection:
            origin = store.Origin(cause="new", person="P", at=self.clock())
            submitted = self.on_terms_of_now(wanted)
            store.save_version(connection, submitted, origin)
            loaded = store.load(connection, wanted.id)
            approval.approve(connection, loaded, by("M"), self.circumstances())

    def on_terms_of_now(self, wanted: Plan) -> Plan:
        """Put a plan on the terms that it is submitted on now."""
        terms = self.circumstances().read_terms(wanted)
        return seal(wanted.model_copy(update={"terms": terms}))

    @property
    def site(self) -> Site:
        """The CRM as a run meets it."""
        connector = self.connector or self.crm
        return Site(
            source="memory",
            connector=connector,
            identity=connector.identify(),
            to_crm=bind(self.mapping, connector),
            people=people(),
            policy=self.policy,
            company=COMPANY,
            clock=self.clock,
            as_of=self.as_of,
            circumstances=self.circumstances,
        )

    def circumstances(self) -> Circumstances:
        """What plans are approved and carried out under now."""
        return Circumstances(people=people(), policy=self.policy, mapping=self.mapping)

    @property
    def desk(self) -> RunRegister:
        """Where runs are recorded."""
        return RunRegister(
            ledger=self.ledger,
            runs_folder=self.folder / "runs",
            zone=ZONE,
            actor="tester",
            reached=self.reached,
        )

    def approved(self) -> ApprovedPlan:
        """The authority of the plan, as it stands."""
        with self.ledger.read() as connection:
            now = self.circumstances()
            return approval.load_approved(connection, PLAN, self.as_of, now)

    @contextmanager
    def mirror(self) -> Iterator[Mirror]:
        """The views of the newest generation."""
        generation = current_generation(self.ledger, self.folder / "mirror")
        with open_mirror(
            generation, "memory", as_of=self.as_of, zone=ZONE, currency="JPY"
        ) as mirror:
            yield mirror

    def prepared(self, kind: str = "reassign", **asked: Any) -> Prepared:
        """What a run would walk, on the plan's authority."""
        with self.ledger.read() as connection, self.mirror() as mirror:
            now = self.circumstances()
            authority = approval.load_approved(connection, PLAN, self.as_of, now)
            wish = TransferRequest(**asked)
            if kind == "publish":
                words = words_for("ja")
                return prepare_publish(
                    self.site, connection, authority, mirror, wish, words
                )
            return prepare_reassign(self.site, connection, authority, mirror, wish)

    def reassign(self, **asked: Any) -> Executed:
        """Settle what is open, and change the owners that are due."""
        self.recover()
        return self.walk(self.prepared(**asked))

    def publish(self, **asked: Any) -> Executed:
        """Settle what is open, and put the plan's tasks into the CRM."""
        self.recover()
        return self.walk(self.prepared("publish", **asked))

    def rehearse(self, kind: str = "reassign", **asked: Any) -> Executed:
        """Show what a run would do."""
        return rehearse(self.prepared(kind, **asked))

    def undo(self, run: str | None, person: str = "M") -> Executed:
        """Settle what is open, and take a run back."""
        self.recover()
        with self.ledger.read() as connection:
            found = find_run_to_undo(connection, run or "last")
            authority = undo_of(connection, found, person, self.circumstances())
            prepared = prepare_undo(self.site, connection, authority, found, None)
        return self.walk(prepared)

    def walk(self, prepared: Prepared) -> Executed:
        """Walk prepared steps."""
        return execute(self.site, self.desk, prepared, stopped=self.stopped)

    def recover(self) -> tuple[str, ...]:
        """Settle what earlier runs left open."""
        connector = self.connector or self.crm
        at = self.clock()
        found = recover(self.ledger, connector, "memory", at, self.desk.reached)
        for run_id in found:
            leave_files(self.desk, run_id)
        return found

    def entries(self, run_id: str | None) -> list[Entry]:
        """The steps of a run, as the ledger has them."""
        with self.ledger.read() as connection:
            return entries_of(connection, run_id or "")

    def owners(self, name: str = "accounts.csv") -> dict[str, object]:
        """Who owns the records of an object now."""
        return {key: row.get("owner_id") for key, row in self.crm.rows(name).items()}

    def state(self) -> str:
        """Where the plan stands."""
        with self.ledger.read() as connection:
            return store.load(connection, PLAN).state.value


def company(accounts: int = 3, **known: Any) -> MemoryCRM:
    """A CRM with the company's records."""
    teams = {"accounts.csv": "account_team.csv"}
    return MemoryCRM(records(accounts), teams=teams, **known)


@cache
def _synced(accounts: int) -> Path:
    """A working folder that has read an untouched company; tests copy it."""
    folder = Path(_TEMPLATES.name) / str(accounts)
    Office(folder=folder, crm=company(accounts))
    return folder


def office(folder: Path, accounts: int = 3, **known: Any) -> Office:
    """A company of some accounts, synced."""
    shutil.copytree(_synced(accounts), folder, dirs_exist_ok=True)
    return Office(folder=folder, crm=company(accounts, **known))


def handing_over(
    folder: Path, *rows: Row, policy: Policy = POLICY, **known: Any
) -> Office:
    """An approved plan with these rows, or three plain ones."""
    listed = rows or tuple(map(row, (1, 2, 3)))
    place = office(folder, max(3, len(listed)))
    place.policy = policy
    place.approve(plan(listed, **known))
    return place


def outcomes(entries: Iterable[Entry]) -> dict[str, str]:
    """What became of each record: outcome, with its code behind a colon.

    Contacts that are looked after for others are left out.
    """
    return {
        entry.record_id or entry.key or "": ":".join(
            filter(None, (entry.outcome, entry.code))
        )
        for entry in entries
        if entry.action != "contact_kept"
    }


def written(crm: MemoryCRM) -> list[tuple[str, str]]:
    """Each write that took effect: the record (or key), and its new value."""
    return [
        (commit.change.key, "created")
        if isinstance(commit.change, Create)
        else (commit.id, str(commit.change.after))
        for commit in crm.commits
    ]


def changes_of(crm: MemoryCRM) -> Counter[str]:
    """Count the writes that took effect on each record and field, or for each key."""
    changes = [(commit.id, commit.change) for commit in crm.commits]
    return Counter(
        c.key if isinstance(c, Create) else f"{record}.{c.field}"
        for record, c in changes
    )
