"""What promises are tried on: a working folder on some CRM, and the people around it.

In the folder lies Sato's plan, approved by the manager, of which nothing is done yet. A
world does what people, networks and CRMs do to us, and judges from the CRM's side what
became of it.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, NoReturn

import pytest

from cli import handover as root
from handover.commands.shell import run
from handover.ledger import Ledger
from handover.plan import store
from tests.conftest import Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.killed import killed

Act = Literal["publish", "reassign"]
Lost = Literal["before", "after", "mid-body"]
"""When a reply is lost: before the write took effect, after it, or half-way back."""

LEDGER = Path(".handover") / "ledger.sqlite"


class Task(NamedTuple):
    """A task of ours, as it stands in the CRM."""

    key: str
    account: str
    done: bool
    text: str


class World(ABC):
    """A working folder with an approved plan, on a CRM with somebody in it besides us.

    Each write call that arrives is kept in ``arrived`` and shown to ``looks``, as the
    names of what it writes: ids of records, keys of new ones.
    """

    days: ClassVar[Mapping[Act, str]]
    """The day on which tasks are published, and that on which owners change."""
    reason: ClassVar[str] = ""
    """Why the plan's own dates are not waited for, if they are not."""
    org_id: ClassVar[str] = ""
    """The id by which a production org has to be named."""
    manager: ClassVar[str]
    mapping: ClassVar[str]
    """The mapping that the folder goes by."""
    successor: str
    other: str
    """Somebody who has nothing to do with the plan."""
    account: str
    """A customer of the plan, with records that follow it."""
    person: str
    """One of that customer's people, who has a phone."""
    answered_on: ClassVar[str]
    """A day on which the plan is announced, and its customers were met."""
    handed: Mapping[str, str | None]
    """Who owns which record when the plan is carried out."""
    secrets: Sequence[str] = ()
    loses_replies: ClassVar[bool] = True

    def __init__(self, cli: Cli, folder: Path) -> None:
        self.cli, self.folder = cli, folder
        self.plan = plan_in(folder)
        self.arrived: list[Sequence[str]] = []
        self.looks: list[Callable[[Sequence[str]], None]] = []

    # What is done on our side

    @property
    def manager_id(self) -> str:
        """The manager's id in the CRM."""
        return self.manager

    @property
    def today(self) -> Sequence[str]:
        """Words that put a command on the day of publishing."""
        return ("--as-of", self.days["publish"])

    def words(self, act: Act) -> Sequence[str]:
        """Return the command line that carries the plan out, on its day."""
        verb = ("plan", "publish") if act == "publish" else ("reassign",)
        hurry = "--before-announcement" if act == "publish" else "--early"
        why = (hurry, self.reason) if self.reason else ()
        return (*verb, self.plan, *why, "--as-of", self.days[act], *self.agreed)

    def undoing(self, run_id: str = "last") -> Sequence[str]:
        """Return the command line that takes a run back, by the manager."""
        by = ("--as-of", self.days["reassign"], "--as", self.manager)
        return ("undo", run_id, *by, *self.agreed)

    @property
    def ending(self) -> Sequence[str]:
        """The command line that ends the plan early."""
        return ("plan", "end", self.plan, "--reason", "stop", *self.agreed)

    @property
    def nightly(self) -> Sequence[str]:
        """The command line that writes what the policy orders each night."""
        return ("tasks", *self.today, *self.agreed)

    @property
    def agreed(self) -> Sequence[str]:
        """Words that answer the question before production."""
        return ("--yes", *(("--org", self.org_id) if self.org_id else ()))

    def run(self, *words: str) -> Ended:
        """Run a command; its answer is JSON."""
        return self.cli(*words, "--json")

    def do(self, act: Act, *words: str) -> Ended:
        """Carry the plan out, with further words."""
        return self.run(*self.words(act), *words)

    def done(self, *words: str) -> dict[str, Any]:
        """Run a command that does all that was planned; return the run."""
        ended = self.run(*words)
        assert ended.code == 0, ended.out + ended.err
        found: dict[str, Any] = ended.data["run"]
        assert found["counts"]["done"] == found["counts"]["planned"]
        return found

    def killed_at(self, point: str, act: Act) -> int:
        """Run a command in a process of its own that dies at a point of its run."""
        return killed(
            self.folder,
            point,
            act,
            self.plan,
            as_of=self.days[act],
            org=self.org_id,
            reason=self.reason,
        )

    def another_machine(self, folder: Path) -> Sequence[str]:
        """Copy the working folder; return the words that work in the copy."""
        copy_folder(self.folder, folder)
        return ("-c", str(folder / "handover.toml"))

    def files(self) -> dict[Path, bytes]:
        """Read every file of the working folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in found}

    def intents(self) -> set[str]:
        """Read from the disk, as another process would, what is about to be written."""
        ledger = f"file:{self.folder / LEDGER}?mode=ro"
        query = "select record_id, key from steps where outcome = 'intent'"
        with closing(sqlite3.connect(ledger, uri=True)) as connection:
            return {name for row in connection.execute(query) for name in row if name}

    def arriving(self, names: Sequence[str]) -> None:
        """Note a write call, as it arrives at the CRM."""
        self.arrived.append(names)
        for look in self.looks:
            look(names)

    # What the CRM holds

    @abstractmethod
    def owners(self) -> dict[str, str | None]:
        """Look into the CRM: who owns which of the company's own records now?"""

    @abstractmethod
    def rest(self) -> object:
        """Look into the CRM: all of the company's own records but for their owners."""

    @abstractmethod
    def tasks(self) -> list[Task]:
        """Look into the CRM: the tasks that we made, doubles and all."""

    @abstractmethod
    def owner_changes(self) -> list[tuple[str, str]]:
        """List each owner change that took effect: record and new owner."""

    @abstractmethod
    def phone(self) -> str | None:
        """Look into the CRM: which number has the customer's person?"""

    # What happens to it

    @abstractmethod
    def edit_phone(self, number: str) -> None:
        """Change the person's number as somebody at the company would."""

    @abstractmethod
    def give(self, account: str, owner: str) -> None:
        """Change an account's owner as somebody at the company would."""

    @abstractmethod
    def finish(self) -> Sequence[str]:
        """Finish an open opportunity, a request and a task of Sato's; return them."""

    @abstractmethod
    def take_in_hand(self, task: Task) -> None:
        """Move one of our tasks to another day, as its owner would."""

    @abstractmethod
    def retire_successor(self) -> None:
        """Let the successor leave the company."""

    @abstractmethod
    def pin_another_org(self) -> None:
        """Configure the folder for another org than the one the plan is made for."""

    @abstractmethod
    def take_key_field_away(self) -> None:
        """Take away the unique field in which tasks carry our keys."""

    @abstractmethod
    def lose_replies(self, when: Lost) -> None:
        """Lose the first reply to each kind of write."""

    @abstractmethod
    def hide_tasks(self) -> None:
        """Lose the reply to the first creation, and show no task that we made."""

    @abstractmethod
    def end_the_day(self) -> None:
        """After the next write, answer that the day's calls are used up."""

    @abstractmethod
    def refuse(self, account: str) -> tuple[str, str]:
        """Refuse changes of one account; return the CRM's code and words."""

    @abstractmethod
    def quote_secrets(self) -> None:
        """Refuse all writes, with our secrets in the reason, plain and encoded."""

    @abstractmethod
    def calls_turned_away(self) -> int:
        """Count the calls that were answered: the day's calls are used up."""

    @abstractmethod
    def heal(self) -> None:
        """End what goes wrong."""

    def cannot(self, reason: str) -> NoReturn:
        """Say why a promise has no meaning here."""
        pytest.skip(reason)


def each_once(found: Sequence[object]) -> bool:
    """Return whether nothing is there twice."""
    return set(Counter(found).values()) <= {1}


def plan_in(folder: Path) -> str:
    """Name the plan that lies in a folder."""
    ledger = Ledger.open(folder / LEDGER)
    with ledger.read() as connection:
        return store.load_all(connection)[0].id


@contextmanager
def calling(folder: Path, **environment: str) -> Iterator[Callable[..., None]]:
    """Yield the command line in a folder, for what is built once for many tests."""

    def call(*words: str) -> None:
        assert run(root, (*words, "-q"), {}) == 0

    with pytest.MonkeyPatch.context() as patch:
        for name in ("HANDOVER_CONFIG", "HANDOVER_LANG", "HANDOVER_USER", "LC_ALL"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        yield call
