"""Finding a customer in mirror and ledger, and all that is known of them."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from handover.errors import AmbiguousName, UnknownName
from handover.follow.history import AccountHistory, is_named, read_history
from handover.i18n import Words
from handover.jobs.plan import find_audience
from handover.jobs.workspace import Workspace
from handover.mirror.contacts import NamedContact, read_contacts
from handover.mirror.find import (
    ACCOUNT,
    FoundAccount,
    find_account,
    find_living,
    find_one,
)
from handover.mirror.names import last_names
from handover.plan.view import Audience


@dataclass(frozen=True, kw_only=True)
class _Found:
    source: str
    account: FoundAccount
    is_gone: bool


def find_history(workspace: Workspace, text: str) -> AccountHistory:
    """Find a customer and read what is known of them; nothing is asked of a CRM.

    Customers who are gone from the CRM are found by the id that the ledger has, and by
    the name that was known last.

    Raises:
        UnknownName: neither mirror nor ledger knows them.
        AmbiguousName: several are called so, in one source or in several.
    """
    found = _find(workspace, text)
    with workspace.ledger.read() as connection:
        return AccountHistory(
            source=found.source,
            account_id=found.account.id,
            name=found.account.name or None,
            is_gone=found.is_gone,
            owner_id=found.account.owner_id,
            entries=read_history(connection, found.source, found.account.id),
        )


def find_account_or_gone(workspace: Workspace, text: str) -> tuple[str, FoundAccount]:
    """Find a customer as ``find_history`` does; return the source with them."""
    found = _find(workspace, text)
    return found.source, found.account


def _find(workspace: Workspace, text: str) -> _Found:
    """Find the one customer of all sources; who is there counts before who is gone."""
    unknown: UnknownName | None = None
    there: list[_Found] = []
    for source in sorted(workspace.generation().sources):
        try:
            with workspace.mirror(source) as mirror:
                account = find_account(mirror, text)
        except UnknownName as error:
            unknown = unknown or error
        else:
            there.append(_Found(source=source, account=account, is_gone=False))
    if not there:
        there = _find_gone(workspace, text)
    if len(there) > 1:
        listed = ", ".join(
            f"{each.account.name} ({each.source}:{each.account.id})" for each in there
        )
        raise AmbiguousName(kind=ACCOUNT, name=text, candidates=listed)
    if not there:
        raise unknown or UnknownName(kind=ACCOUNT, name=text, suggestion="-")
    return there[0]


def _find_gone(workspace: Workspace, text: str) -> list[_Found]:
    found = []
    with workspace.ledger.read() as connection:
        for source in sorted(workspace.generation().sources):
            account = _find_gone_in(connection, source, text)
            if account is not None:
                found.append(_look_again(workspace, source, account))
    return found


def _look_again(workspace: Workspace, source: str, account: FoundAccount) -> _Found:
    """Return a customer as the CRM has them: they may only be called otherwise now."""
    if not find_living(workspace.generation(), source, [account.id]):
        return _Found(source=source, account=account, is_gone=True)
    with workspace.mirror(source) as mirror:
        there = find_account(mirror, account.id)
    return _Found(source=source, account=there, is_gone=False)


def _find_gone_in(
    connection: Connection, source: str, text: str
) -> FoundAccount | None:
    wanted = text.removeprefix(f"{source}:").strip()
    names = last_names(connection, source, "accounts")
    known = [FoundAccount(id=key, name=name) for key, name in sorted(names.items())]
    try:
        return find_one(ACCOUNT, wanted, known)
    except UnknownName:
        if is_named(connection, source, wanted):
            return FoundAccount(id=wanted, name="")
        return None


def find_readers(workspace: Workspace, source: str, words: Words) -> Audience:
    """Return the words and names in which the past of a source is shown.

    Users who are gone keep the name that was known last; persons of customers are named
    as long as the CRM has them.
    """
    people = workspace.people(source)
    with workspace.ledger.read() as connection:
        users = last_names(connection, source, "users")
        accounts = last_names(connection, source, "accounts")
    audience = find_audience(workspace, source, words)
    there = audience.account

    def name(user: str) -> str:
        return people.name(user) if people.user(user) else users.get(user, user)

    def account(key: str) -> str:
        found = there(key)
        return accounts.get(key, key) if found == key else found

    return replace(audience, name=name, account=account)


def name_contacts(
    workspace: Workspace, history: AccountHistory, audience: Audience
) -> Audience:
    """Add to an audience the persons of a customer who answered something."""
    ids = history.persons
    if not ids:
        return audience
    with workspace.mirror(history.source) as mirror:
        contacts = read_contacts(mirror, ids)
    return replace(
        audience, contact=lambda key: contacts.get(key) or NamedContact(name=key)
    )
