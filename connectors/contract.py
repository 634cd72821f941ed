"""The conformance suite that every connector passes.

A connector's test is a subclass of ``ConnectorContract`` with one fixture::

    class TestMemory(ConnectorContract):
        @pytest.fixture
        def crm(self) -> World:
            return MemoryWorld()

The ``World`` is a CRM with at least seven accounts, seen from the other side: it judges
what really became of a write. A test that needs a capability the connector does not
state is skipped, and so is one that needs a fault the world cannot bring about.

The suite is run by pytest; this module itself needs only the standard library.
"""
# ruff: noqa: S101 - the assertions are what this module is for

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Literal, Protocol
from unittest import SkipTest

from connectors.base import (
    Capability,
    Change,
    Connector,
    Create,
    KeepsTeams,
    Outcome,
    Page,
    Pull,
    Row,
    SetField,
)
from connectors.errors import ConnectorError, UnknownObject

Fault = Literal["lost before", "lost after", "unreachable"]


class World(Protocol):
    """A CRM to try a connector on, with somebody at work in it besides us.

    ``accounts`` is an object with at least seven records, whose ids ``ids`` tells, more
    than fit on one page; ``owner`` is a field of it that can be written; ``users`` are
    two values that it takes. All records begin with the first of them.
    """

    accounts: str
    owner: str
    users: tuple[str, str]

    def connect(self) -> Connector:
        """Open a new connector to this CRM."""
        ...

    def ids(self) -> Sequence[str]:
        """List the ids of the accounts that exist."""
        ...

    def owner_of(self, account_id: str) -> str | None:
        """Look into the CRM: who owns an account now?"""
        ...

    def set_owner(self, account_id: str, owner: str) -> None:
        """Change an account as somebody else would."""
        ...

    def remove(self, account_id: str) -> None:
        """Delete an account without a trace."""
        ...

    def task(self, key: str, account_id: str) -> Create:
        """Describe a task as a mapping would, linked to an account."""
        ...

    def tasks(self, key: str) -> int:
        """Look into the CRM: how many tasks have this key?"""
        ...

    def fail(self, fault: Fault) -> bool:
        """Let the next call go wrong; False where this world cannot."""
        ...


class ConnectorContract:
    """What may be relied on, whatever the CRM."""

    def test_the_org_is_named(self, crm: World) -> None:
        """Plans are made for one org and refused in another."""
        identity = crm.connect().identify()
        assert identity.org_id
        assert identity.org_name
        assert identity == crm.connect().identify()

    def test_an_object_resolves_to_itself(self, crm: World) -> None:
        """A name that exists is found."""
        assert crm.connect().objects(crm.accounts)

    def test_fields_are_described(self, crm: World) -> None:
        """The field we write is there and writable."""
        field = crm.connect().describe(crm.accounts).fields[crm.owner]
        assert field.name == crm.owner
        assert field.writable

    def test_an_unknown_object_is_an_error(self, crm: World) -> None:
        """A typing mistake in a mapping is no empty table."""
        connector = crm.connect()
        assert isinstance(
            _error_of(lambda: connector.describe(_unknown(crm))), UnknownObject
        )

    def test_a_pull_brings_every_record_once(self, crm: World) -> None:
        """Nothing is lost or doubled between pages."""
        rows = _rows(_pull(crm))
        assert sorted(row_id for row_id, _ in rows) == sorted(crm.ids())

    def test_a_pull_has_several_pages(self, crm: World) -> None:
        """The other tests would prove little on a single page."""
        assert len(_pull(crm)) > 1

    def test_rows_carry_the_fields_that_were_asked_for(self, crm: World) -> None:
        """A value arrives under the CRM's own name."""
        assert {row[crm.owner] for _, row in _rows(_pull(crm))} == {crm.users[0]}

    def test_only_the_last_page_has_no_cursor(self, crm: World) -> None:
        """A killed sync can go on behind any page."""
        *others, last = _pull(crm)
        assert last.cursor is None
        assert all(page.cursor for page in others)

    def test_a_pull_resumes_behind_each_page(self, crm: World) -> None:
        """What was stored is not read again, and nothing is left out."""
        pages = _pull(crm)
        for at, page in enumerate(pages[:-1], 1):
            rest = _pull(crm, resume=page.cursor)
            assert _ids(rest) == _ids(pages[at:])

    def test_numbers_name_each_row(self, crm: World) -> None:
        """Where a source has lines, each row has one of its own."""
        numbers = [number for page in _pull(crm) for number in page.numbers or ()]
        assert len(numbers) in {0, len(crm.ids())}
        assert len(set(numbers)) == len(numbers)

    def test_a_promise_is_kept(self, crm: World) -> None:
        """Where the CRM says how many rows come, so many come."""
        pages = _pull(crm)
        assert {page.promised for page in pages} <= {None, len(_rows(pages))}

    def test_a_later_pull_brings_what_changed(self, crm: World) -> None:
        """The server's time is the watermark, and a look-back finds the change."""
        connector = crm.connect()
        _needs(connector, Capability.INCREMENTAL)
        mark = _pull(crm)[-1].server_time
        assert mark is not None
        changed = crm.ids()[0]
        crm.set_owner(changed, crm.users[1])
        request = Pull(object=crm.accounts, fields=(crm.owner,), since=mark)
        assert (changed, crm.users[1]) in [
            (row_id, row[crm.owner]) for row_id, row in _rows(connector.pull(request))
        ]

    def test_a_later_pull_leaves_out_what_is_old(self, crm: World) -> None:
        """A nightly run does not read everything again."""
        connector = crm.connect()
        _needs(connector, Capability.INCREMENTAL)
        mark = _pull(crm)[-1].server_time
        assert mark is not None
        future = mark + timedelta(days=1)
        request = Pull(object=crm.accounts, fields=(crm.owner,), since=future)
        assert not _rows(connector.pull(request))

    def test_identifiers_are_those_that_exist(self, crm: World) -> None:
        """Hard deletes are found by what is missing."""
        gone = crm.ids()[0]
        crm.remove(gone)
        assert _ids(crm.connect().identifiers(crm.accounts)) == sorted(crm.ids())
        assert gone not in crm.ids()

    def test_reading_gives_the_values_of_now(self, crm: World) -> None:
        """A drift is seen, whatever was read before."""
        connector = crm.connect()
        first, second = crm.ids()[:2]
        connector.read(crm.accounts, [first, second], (crm.owner,))
        crm.set_owner(first, crm.users[1])
        rows = connector.read(crm.accounts, [first, second], (crm.owner,))
        owners = {key: row[crm.owner] for key, row in rows.items()}
        assert owners == {first: crm.users[1], second: crm.users[0]}

    def test_reading_leaves_out_what_is_gone(self, crm: World) -> None:
        """A deleted or never existing record is no error."""
        gone, kept = crm.ids()[:2]
        crm.remove(gone)
        found = crm.connect().read(crm.accounts, [gone, kept], (crm.owner,))
        assert set(found) == {kept}

    def test_calls_are_counted(self, crm: World) -> None:
        """What a sync costs can be told."""
        connector = crm.connect()
        before = connector.calls
        list(connector.pull(Pull(object=crm.accounts, fields=(crm.owner,))))
        assert connector.calls > before

    def test_batches_keep_every_change_in_order(self, crm: World) -> None:
        """What was planned is what goes out."""
        changes: list[Change] = [*_moves(crm), *_moves(crm)]
        batches = list(crm.connect().batches(changes))
        assert [change for batch in batches for change in batch] == changes

    def test_a_field_is_set(self, crm: World) -> None:
        """The CRM, asked from its own side, holds the new values."""
        outcomes = _write(crm, _moves(crm))
        assert {outcome.state for outcome in outcomes} == {"done"}
        assert {crm.owner_of(account) for account in crm.ids()} == {crm.users[1]}

    def test_setting_a_field_twice_is_done_twice(self, crm: World) -> None:
        """Sending again does no harm."""
        _write(crm, _moves(crm))
        assert {outcome.state for outcome in _write(crm, _moves(crm))} == {"done"}

    def test_a_refused_change_does_not_stop_the_others(self, crm: World) -> None:
        """Outcomes stand in the order of the changes, with a code where refused."""
        first, gone, last = _moves(crm)[:3]
        crm.remove(gone.id)
        outcomes = _write(crm, [first, gone, last])
        assert [outcome.state for outcome in outcomes] == ["done", "refused", "done"]
        assert outcomes[1].code
        assert crm.owner_of(last.id) == crm.users[1]

    def test_who_would_drop_teams_can_tell_who_is_on_them(self, crm: World) -> None:
        """Each member hangs on one of the records asked for, and can be made again."""
        connector = crm.connect()
        _needs(connector, Capability.TEAMS)
        assert isinstance(connector, KeepsTeams)
        found = connector.members(crm.accounts, crm.ids())
        assert {member.record_id for member in found} <= set(crm.ids())
        assert all(not member.again.links for member in found)
        assert not connector.members(_unknown(crm), crm.ids())

    def test_a_create_can_be_found_by_its_key(self, crm: World) -> None:
        """A lost reply is settled by looking."""
        task = crm.task("handover:1", crm.ids()[0])
        (outcome,) = _write(crm, [task])
        assert outcome.state == "done"
        assert outcome.id
        assert set(crm.connect().find([task])) == {task.key}

    def test_what_was_created_tells_what_it_hangs_on(self, crm: World) -> None:
        """Links that a dead run did not get to make are made again, so they show."""
        task = crm.task("handover:1", crm.ids()[0])
        _write(crm, [task])
        row = crm.connect().find([task])[task.key]
        assert row.get("links") in (None, task.links)

    def test_what_was_not_created_is_not_found(self, crm: World) -> None:
        """Somebody else's task is not taken for ours."""
        _needs(crm.connect(), Capability.WRITE)
        _write(crm, [crm.task("handover:1", crm.ids()[0])])
        other = crm.task("handover:2", crm.ids()[0])
        assert not crm.connect().find([other])

    def test_creating_twice_with_one_key_makes_one_record(self, crm: World) -> None:
        """Also in one batch, also from another process."""
        _needs(crm.connect(), Capability.KEYED_CREATES)
        task = crm.task("handover:1", crm.ids()[0])
        first, again = _write(crm, [task]), _write(crm, [task])
        assert first[0].id == again[0].id
        assert crm.tasks(task.key) == 1

    def test_a_reply_lost_before_the_write_is_in_doubt(self, crm: World) -> None:
        """It is not reported done, nor refused."""
        _suffers(crm, "lost before")
        assert {outcome.state for outcome in _write(crm, _moves(crm))} == {"in_doubt"}
        assert {crm.owner_of(account) for account in crm.ids()} == {crm.users[0]}

    def test_a_reply_lost_after_the_write_is_in_doubt(self, crm: World) -> None:
        """Although it took effect, which only reading can tell."""
        _suffers(crm, "lost after")
        assert {outcome.state for outcome in _write(crm, _moves(crm))} == {"in_doubt"}
        assert {crm.owner_of(account) for account in crm.ids()} == {crm.users[1]}

    def test_a_create_is_never_sent_again_by_itself(self, crm: World) -> None:
        """After a lost reply there is one task, and no second attempt."""
        _suffers(crm, "lost after")
        task = crm.task("handover:1", crm.ids()[0])
        (outcome,) = _write(crm, [task])
        assert outcome.state == "in_doubt"
        assert crm.tasks(task.key) == 1

    def test_an_unreachable_crm_is_an_error_to_try_again(self, crm: World) -> None:
        """A failing page is neither an empty one nor the end."""
        _suffers(crm, "unreachable")
        error = _error_of(lambda: _pull(crm))
        assert error is not None
        assert error.exit_code == 7

    def test_a_dry_look_changes_nothing(self, crm: World) -> None:
        """Reading, describing and cutting batches write nothing."""
        connector = crm.connect()
        list(connector.batches([*_moves(crm), crm.task("handover:1", crm.ids()[0])]))
        connector.prepare()
        connector.describe(crm.accounts)
        assert {crm.owner_of(account) for account in crm.ids()} == {crm.users[0]}
        assert crm.tasks("handover:1") == 0


def _needs(connector: Connector, capability: Capability) -> None:
    if capability not in connector.capabilities:
        reason = f"{connector.name} does not state {capability}"
        raise SkipTest(reason)


def _suffers(crm: World, fault: Fault) -> None:
    if not crm.fail(fault):
        reason = f"{type(crm).__name__} cannot bring about: {fault}"
        raise SkipTest(reason)


def _unknown(crm: World) -> str:
    return f"no_such_{crm.accounts}"


def _error_of(call: Callable[[], object]) -> ConnectorError | None:
    try:
        call()
    except ConnectorError as error:
        return error
    return None


def _pull(crm: World, resume: str | None = None) -> list[Page]:
    request = Pull(object=crm.accounts, fields=("id", crm.owner), resume=resume)
    return list(crm.connect().pull(request))


def _rows(pages: Iterable[Page]) -> list[tuple[str, Row]]:
    return [(_id(row), row) for page in pages for row in page.rows]


def _ids(pages: Iterable[Page]) -> list[str]:
    return sorted(row_id for row_id, _ in _rows(pages))


def _id(row: Mapping[str, object]) -> str:
    return str(row["id"] if "id" in row else row["Id"])


def _moves(crm: World) -> list[SetField]:
    before, after = crm.users
    return [
        SetField(
            object=crm.accounts, id=key, field=crm.owner, before=before, after=after
        )
        for key in crm.ids()
    ]


def _write(crm: World, changes: Sequence[Change]) -> list[Outcome]:
    connector = crm.connect()
    _needs(connector, Capability.WRITE)
    outcomes: list[Outcome] = []
    for batch in connector.batches(changes):
        answers = connector.write(batch)
        assert len(answers) == len(batch)
        outcomes += answers
    return outcomes
