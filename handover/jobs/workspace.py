"""The working folder, opened: configuration, ledger, policy, mirror and connectors.

Everything is opened when it is asked for, so that a command pays for what it uses.
"""

import datetime as dt
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.base import Connector, Identity, same_id
from connectors.settings import (
    ConnectorSettings,
    LocalPath,
    PinsOrg,
    Secret,
    UndeclaredSettings,
)
from handover.config import Config, find_config, load_config
from handover.errors import (
    BadConfig,
    HandoverError,
    NoDecider,
    NotARehearsal,
    WrongOrg,
)
from handover.jobs.actor import Actor, read_actor
from handover.lacks import check_address_space
from handover.secrets import is_reference, reveal
from mappings.load import load_mapping
from mappings.model import Mapping as CrmMapping

if TYPE_CHECKING:
    from connectors.effects import SideEffect
    from handover.ledger import Ledger
    from handover.mirror.generations import Generation
    from handover.mirror.people import People
    from handover.mirror.views import Mirror
    from handover.plan.terms import Circumstances
    from handover.policy import Policy


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """An opened working folder.

    ``language``: of who works with it. ``now`` is UTC. ``asked_day``: the day that the
    rules shall take for today, where it is not the real one. ``as_user``: who decides,
    as it was typed, where that was said.
    """

    config: Config
    language: str
    now: dt.datetime
    environ: Mapping[str, str]
    asked_day: dt.date | None = None
    as_user: str | None = None

    @property
    def today(self) -> dt.date:
        """The real day, in the configured time zone."""
        return self.now.astimezone(self.config.zone).date()

    @property
    def as_of(self) -> dt.date:
        """The rules' today, in the configured time zone."""
        return self.asked_day or self.today

    @property
    def rehearsed_on(self) -> dt.date | None:
        """The day that a rehearsal takes for today; None where it is in earnest."""
        return self.as_of if self.config.time.rehearsal else None

    @property
    def deciding_day(self) -> dt.date:
        """The day on which approvals have to be valid still.

        Only a rehearsal can go back to a day on which an approval had not expired; a
        look ahead finds it expired when it will be.
        """
        return self.rehearsed_on or max(self.as_of, self.today)

    def check_day(self) -> None:
        """Refuse to decide or write on another day than the real one.

        Raises:
            NotARehearsal: another day was asked for, and this is in earnest.
        """
        if self.rehearsed_on is None and self.as_of != self.today:
            raise NotARehearsal(as_of=self.as_of, today=self.today)

    def clock(self) -> dt.datetime:
        """Tell the time, in UTC."""
        return dt.datetime.now(dt.UTC)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.config.data_folder

    @property
    def mirror_folder(self) -> Path:
        """Where generations are kept."""
        return self.folder / "mirror"

    @property
    def runs_folder(self) -> Path:
        """Where each run leaves its files."""
        return self.folder / "runs"

    @cached_property
    def ledger(self) -> "Ledger":
        """The ledger, brought up to date."""
        from handover.ledger import Ledger
        from handover.ledger.home import bind_new

        ledger = Ledger.open(self.folder / "ledger.sqlite")
        bind_new(ledger, self.now)
        return ledger

    @cached_property
    def policy(self) -> "Policy":
        """The company's policy, or the built-in one."""
        return self._read_policy()

    def _read_policy(self) -> "Policy":
        from handover.policy_file import load_policy

        file = self.config.policy.file
        return load_policy(self.config.path(file) if file else None)

    @cached_property
    def actor(self) -> Actor:
        """Who is at the keyboard."""
        return read_actor()

    # Sources

    @property
    def _sections(self) -> Mapping[str, ConnectorSettings]:
        return self.config.crm

    def sources(self) -> tuple[str, ...]:
        """Name the configured sources."""
        if not self._sections:
            raise BadConfig(
                file=self.config.base / "handover.toml",
                line="",
                key="crm",
                detail="no CRM is configured",
            )
        return tuple(self._sections)

    @cached_property
    def _mappings(self) -> dict[str, CrmMapping]:
        return {}

    def mapping(self, source: str) -> CrmMapping:
        """Load a source's mapping."""
        if source not in self._mappings:
            name = self.mapping_name(source)
            self._mappings[source] = load_mapping(name, self.config.base)
        return self._mappings[source]

    def mapping_name(self, source: str) -> str:
        """Name a source's mapping, as the configuration does."""
        return self._sections[source].mapping

    @cached_property
    def _connectors(self) -> dict[str, Connector]:
        return {}

    def connector(self, source: str) -> Connector:
        """Open a source's connector and make sure that it is the pinned org.

        Raises:
            WrongOrg: another org answers than the one configured.
        """
        if source not in self._connectors:
            connector = self.unchecked_connector(source)
            self._check_org(source, connector.identify())
            self._connectors[source] = connector
        return self._connectors[source]

    def unchecked_connector(self, source: str) -> Connector:
        """Open a source's connector without a call."""
        from connectors.registry import connect

        return connect(source, self.settings(source))

    def side_effects(self, source: str) -> "tuple[SideEffect, ...]":
        """Tell what the CRM does of its own accord when we write; without a call."""
        from connectors.registry import side_effects

        section = self._sections.get(source)
        secret = section.values_of(Secret) if section else {}
        given = section.model_dump(exclude={"mapping", *secret}) if section else {}
        return side_effects(source, given)

    def hidden_places(self, source: str) -> tuple[str, ...]:
        """Name, by codes, where a CRM may name a user without our seeing it."""
        from connectors.registry import hidden_places

        return hidden_places(source)

    def _check_org(self, source: str, identity: Identity) -> None:
        for pinned in self._sections[source].values_of(PinsOrg).values():
            if not same_id(str(pinned), identity.org_id):
                raise WrongOrg(source=source, expected=pinned, found=identity.org_id)

    def settings(self, source: str) -> dict[str, object]:
        """Gather what a connector needs.

        Returns:
            The keys of its section, paths resolved and secrets looked up; ``written``:
            its paths as they stand in the configuration; ``objects`` and ``task_key``
            of its mapping; ``proxy``, ``ca_file``; ``token_folder``, where a new
            refresh token is kept.
        """
        section, mapping = self._sections[source], self.mapping(source)
        given = section.model_dump(exclude={"mapping"}, exclude_none=True)
        written = section.values_of(LocalPath)
        paths = {key: self.config.path(str(path)) for key, path in written.items()}
        secrets = {
            key: self._secret(source, key, reference)
            for key, reference in self._references(source)
        }
        of_mapping = {
            "task_key": mapping.write.task_key,
            "objects": mapping.object_settings(),
        }
        own = {"written": written, "token_folder": self.folder}
        return of_mapping | given | paths | secrets | self._network() | own

    def _network(self) -> dict[str, object]:
        """Give proxy and certificates; the file of these has to be there."""
        network = self.config.network
        if not network.ca_file:
            return network.model_dump()
        file = self.config.path(network.ca_file)
        if not file.is_file():
            raise BadConfig(
                file=self.config.base / "handover.toml",
                line="",
                key="network.ca_file",
                detail=f"{file} is no file",
            )
        return {"proxy": network.proxy, "ca_file": str(file)}

    def missing_secrets(self, source: str) -> Iterator[HandoverError]:
        """Yield what is wrong with the secrets that a source needs, each by itself."""
        for key, reference in self._references(source):
            try:
                self._secret(source, key, reference)
            except HandoverError as error:
                yield error

    def _references(self, source: str) -> Iterator[tuple[str, str]]:
        """Yield the references to secrets; undeclared ones are known by their form."""
        section = self._sections[source]
        declared = section.values_of(Secret)
        is_open = isinstance(section, UndeclaredSettings)
        for key, value in section:
            if key in declared or (is_open and is_reference(value)):
                yield key, str(value)

    def _secret(self, source: str, key: str, reference: str) -> str:
        name = f"crm.{source}.{key}"
        return reveal(name, reference, self.config.base, self.environ)

    # Mirror and people

    @cached_property
    def _generation(self) -> "Generation":
        check_address_space()
        from handover.mirror.generations import current_generation

        return current_generation(self.ledger, self.mirror_folder)

    def generation(self) -> "Generation":
        """Give the newest generation; one for the whole command.

        Raises:
            NoGeneration: nothing was synced yet.
        """
        return self._generation

    @cached_property
    def _people(self) -> "dict[str, People]":
        return {}

    def people(self, source: str) -> "People":
        """Return the CRM's users with what ``people.csv`` adds; read once."""
        from handover.mirror.people import load_people

        if source not in self._people:
            file = self._people_file
            self._people[source] = load_people(self.generation(), source, file)
        return self._people[source]

    @property
    def _people_file(self) -> Path:
        return self.config.path(self.config.people.file)

    def circumstances(self, source: str) -> "Circumstances":
        """Read people, policy and mapping as they stand in their files now.

        They are read each time: somebody may edit them while a run is under way.
        """
        from handover.mirror.people import load_people
        from handover.plan.terms import Circumstances

        return Circumstances(
            people=load_people(self.generation(), source, self._people_file),
            policy=self._read_policy(),
            mapping=load_mapping(self.mapping_name(source), self.config.base),
        )

    def mirror(
        self, source: str, accounts: Collection[str] | None = None
    ) -> AbstractContextManager["Mirror"]:
        """Open a source's views as of the rules' today."""
        from handover.answers.confirmations import confirmations
        from handover.mirror.views import open_mirror

        with self.ledger.read() as connection:
            zone, rehearsed = self.config.zone, bool(self.rehearsed_on)
            confirmed = confirmations(connection, source, zone, rehearsed=rehearsed)
        return open_mirror(
            self.generation(),
            source,
            as_of=self.as_of,
            zone=self.config.zone,
            currency=self.config.money.currency,
            accounts=accounts,
            confirmations=confirmed,
        )

    def answered(self, source: str) -> Mapping[str, frozenset[str]]:
        """Name the items that customers answered in the handovers under way."""
        from handover.answers.confirmations import answered_items

        with self.ledger.read() as connection:
            return answered_items(connection, source, rehearsed=bool(self.rehearsed_on))

    def decider(self, source: str) -> str:
        """Name the user who decides: ``--as``, HANDOVER_USER, the CRM's own identity.

        Returns:
            The user's id.

        Raises:
            NoDecider: nobody is named.
        """
        named = self.as_user or self.environ.get("HANDOVER_USER")
        if named is None:
            named = self.connector(source).identify().user_id
        if not named:
            raise NoDecider
        from handover.mirror.find import find_user

        return find_user(self.people(source), named).id

    def lock(self, command: str) -> AbstractContextManager[None]:
        """Hold the lock that writing runs share."""
        from handover.ledger.lock import run_lock

        return run_lock(self.folder, command, self.now)


def open_workspace(
    language: str,
    *,
    config: str | None = None,
    as_of: dt.date | None = None,
    as_user: str | None = None,
) -> Workspace:
    """Read the configuration; nothing else is opened yet.

    Args:
        language: of who works with it.
        config: the configuration's file, where it is named.
        as_of: the rules' today, where it is not the real one.
        as_user: who decides, as it was typed.
    """
    return Workspace(
        config=load_config(find_config(config, os.environ)),
        language=language,
        now=dt.datetime.now(dt.UTC),
        environ=os.environ,
        asked_day=as_of,
        as_user=as_user,
    )
