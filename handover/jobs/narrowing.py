"""From what people type to ids: whose and which accounts a command is about."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handover.errors import UnknownName
from handover.i18n import Phrase

if TYPE_CHECKING:
    from handover.jobs.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Owners, teams and accounts as they were typed; none is all."""

    owners: Sequence[str] = ()
    teams: Sequence[str] = ()
    names: Sequence[str] = ()

    def __bool__(self) -> bool:
        """Return whether anything is left out."""
        return bool(self.owners or self.teams or self.names)


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """What was chosen, in one source: the persons, and the accounts to look at."""

    owner_ids: frozenset[str]
    account_ids: frozenset[str]


def narrow(workspace: "Workspace", chosen: Chosen) -> dict[str, Narrowed]:
    """Find in each source what was asked for.

    Several of one kind add up; an account must fit every kind that is given.

    Raises:
        UnknownName: no source knows one of the names.
        AmbiguousName: a source knows several of that name.
    """
    search = _Search(workspace=workspace, chosen=chosen)
    found = {
        source: search.narrowed(source) for source in workspace.generation().sources
    }
    for text, error in search.unknown.items():
        if text not in search.known:
            raise error
    return found


@dataclass(kw_only=True)
class _Search:
    """A search through all sources: what one does not know, another may."""

    workspace: "Workspace"
    chosen: Chosen
    known: set[str] = field(default_factory=set)
    unknown: dict[str, UnknownName] = field(default_factory=dict)

    def narrowed(self, source: str) -> Narrowed:
        """Search one source."""
        owners = {*self._found(self.chosen.owners, self._users(source))}
        team = {*self._team(source)}
        with self.workspace.mirror(source) as mirror:
            from handover.mirror.find import find_account

            names = {
                *self._found(
                    self.chosen.names, lambda text: find_account(mirror, text).id
                )
            }
            rows = mirror.rows("select id, owner_id from accounts")
        return Narrowed(
            owner_ids=frozenset(owners | team),
            account_ids=frozenset(
                str(row["id"])
                for row in rows
                if (not self.chosen.owners or row["owner_id"] in owners)
                and (not self.chosen.teams or row["owner_id"] in team)
                and (not self.chosen.names or row["id"] in names)
            ),
        )

    def _users(self, source: str) -> Callable[[str], str]:
        from handover.mirror.find import find_user

        people = self.workspace.people(source)
        return lambda text: find_user(people, text).id

    def _team(self, source: str) -> Iterator[str]:
        """Yield the members of the teams."""
        people = self.workspace.people(source)
        teams = sorted({person.team for person in people if person.team})
        for text in self.chosen.teams:
            if text in teams:
                self.known.add(text)
            else:
                self.unknown[text] = UnknownName(
                    kind=Phrase(text="team"), name=text, suggestion=", ".join(teams)
                )
        for person in people:
            if person.team in self.chosen.teams:
                yield person.id

    def _found(self, texts: Sequence[str], find: Callable[[str], str]) -> Iterator[str]:
        """Yield the ids of what this source knows; remember what it does not."""
        for text in texts:
            try:
                yield find(text)
                self.known.add(text)
            except UnknownName as error:
                self.unknown[text] = error
