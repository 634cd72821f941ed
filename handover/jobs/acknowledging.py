"""A manager takes note of owner changes that others made in the CRM."""

from collections.abc import Sequence
from dataclasses import dataclass

from handover.answers.acknowledgements import (
    Acknowledgement,
    list_acknowledgements,
    record_acknowledgement,
)
from handover.errors import Refusal, UsageProblem
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.history import find_account_or_gone
from handover.jobs.workspace import Workspace
from handover.mirror.owners import OwnerChange, unmanaged_changes
from handover.mirror.people import People
from handover.plan.deciders import name_all


class NothingUnmanaged(UsageProblem):
    """No open owner change of a customer (``account``) was made without a plan."""

    code = "nothing_unmanaged"


class NotYourTeam(Refusal):
    """Others take note of a change: ``user``, ``account``, ``deciders``."""

    code = "not_your_team"


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """The changes of a customer that a manager took note of."""

    source: str
    account_id: str
    account: str
    changes: Sequence[OwnerChange]


def list_open_changes(workspace: Workspace, source: str) -> list[OwnerChange]:
    """List a source's owner changes without a plan that nobody has taken note of."""
    rehearsed = bool(workspace.rehearsed_on)
    with workspace.ledger.read() as connection:
        known = {
            (each.account_id, each.seen_at)
            for each in list_acknowledgements(connection, source, rehearsed=rehearsed)
        }
        return [
            each
            for each in unmanaged_changes(connection, [source])
            if (each.account_id, each.seen_at) not in known
        ]


def acknowledge(workspace: Workspace, text: str, reason: str) -> Acknowledged:
    """Take note of all open owner changes of a customer.

    The manager of the former or the new owner may, and their delegates; never who gave
    or got the customer.

    Raises:
        NothingUnmanaged: there is no open change.
        NotYourTeam: it is for others, who are named.
        UnknownName, AmbiguousName: which customer is meant.
        NoDecider: nobody is named who decides.
        NotARehearsal: on another day than the real one.
    """
    workspace.check_day()
    source, account = find_account_or_gone(workspace, text)
    name = account.name or account.id
    changes = [
        each
        for each in list_open_changes(workspace, source)
        if each.account_id == account.id
    ]
    if not changes:
        raise NothingUnmanaged(account=name)
    by = make_decision(workspace, source, Grounds(reason=reason))
    people = workspace.people(source)
    deciders = _list_deciders(changes, people)
    if by.person_id not in deciders:
        raise NotYourTeam(
            user=people.name(by.person_id),
            account=name,
            deciders=name_all(deciders, people) or "-",
        )
    with workspace.ledger.begin() as connection:
        for change in changes:
            made = Acknowledgement(
                source=source,
                account_id=account.id,
                seen_at=change.seen_at,
                reason=reason,
                recorded_by=by.person_id,
                recorded_at=by.at,
                actor=by.actor,
                rehearsed_on=by.rehearsed_on,
            )
            record_acknowledgement(connection, made)
    return Acknowledged(
        source=source, account_id=account.id, account=name, changes=changes
    )


def _list_deciders(changes: Sequence[OwnerChange], people: People) -> list[str]:
    owners = {owner for each in changes for owner in (each.before, each.after) if owner}
    managers = [people.manager_of(owner) for owner in sorted(owners)]
    delegates = [people.delegate_of(each) for each in managers if each]
    found = dict.fromkeys(each for each in (*managers, *delegates) if each)
    return [each for each in found if each not in owners]
