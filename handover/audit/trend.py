"""Audits kept in the ledger: how completeness develops, night by night."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, insert, select, tuple_

from handover.audit.engine import Audit
from handover.audit.findings import totals
from handover.audit.model import AccountFinding, OwnerFinding, TrendStep
from handover.audit.report import SourceFindings
from handover.ledger import Ledger
from handover.ledger.policies import keep_policy
from handover.ledger.tables import audit_accounts, audit_owners, audits


def keep(
    ledger: Ledger, found: SourceFindings, generation: int, now: dt.datetime
) -> bool:
    """Keep an audit of a whole source, unless the same one is kept already.

    Of the accounts only those are written that came out differently than last time.

    Args:
        ledger: where it is kept.
        found: what was found in the whole source.
        generation: what was audited.
        now: when, in UTC.

    Returns:
        Whether it is new.
    """
    audit = found.audit
    with ledger.read() as connection:
        if _is_kept(connection, audit, generation):
            return False
    with ledger.begin() as connection:
        if _is_kept(connection, audit, generation):
            return False
        keep_policy(connection, audit.policy, now)
        audit_id = _keep_totals(connection, found, generation, now)
        _keep_owners(connection, audit_id, found.owners)
        _keep_accounts(connection, audit_id, audit.source, found.accounts)
    return True


def _is_kept(connection: Connection, audit: Audit, generation: int) -> bool:
    query = select(audits.c.id).where(
        audits.c.generation == generation,
        audits.c.source == audit.source,
        audits.c.policy_hash == audit.policy.hash,
        audits.c.as_of == audit.as_of.isoformat(),
    )
    return connection.execute(query).first() is not None


def _keep_totals(
    connection: Connection, found: SourceFindings, generation: int, now: dt.datetime
) -> int:
    audit = found.audit
    summed = totals(found.accounts, gaps=found.gaps, unjudged=found.unjudged)
    made = connection.execute(
        insert(audits)
        .values(
            generation=generation,
            source=audit.source,
            policy_hash=audit.policy.hash,
            as_of=audit.as_of.isoformat(),
            at=now.isoformat(),
            accounts=summed.accounts,
            ready=summed.ready,
            score=summed.score,
        )
        .returning(audits.c.id)
    )
    return int(made.scalar_one())


def _keep_owners(
    connection: Connection, audit_id: int, owners: Sequence[OwnerFinding]
) -> None:
    rows = [
        {
            "audit_id": audit_id,
            "source": owner.source,
            "owner_id": owner.id or "",
            "team": owner.team,
            "accounts": owner.accounts,
            "ready": owner.ready,
            "score": owner.score,
        }
        for owner in owners
    ]
    if rows:
        connection.execute(insert(audit_owners), rows)


def _keep_accounts(
    connection: Connection,
    audit_id: int,
    source: str,
    accounts: Sequence[AccountFinding],
) -> None:
    last = _last_accounts(connection, source)
    rows = [
        {
            "audit_id": audit_id,
            "source": source,
            "account_id": account.id,
            "ready": account.ready,
            "score": account.score,
        }
        for account in accounts
        if last.get(account.id) != (account.ready, account.score)
    ]
    if rows:
        connection.execute(insert(audit_accounts), rows)


def _last_accounts(
    connection: Connection, source: str
) -> Mapping[str, tuple[bool, float | None]]:
    """Read how each account came out when it was last written."""
    columns = audit_accounts.c
    latest = (
        select(columns.account_id, func.max(columns.audit_id))
        .where(columns.source == source)
        .group_by(columns.account_id)
    )
    query = select(columns.account_id, columns.ready, columns.score).where(
        columns.source == source,
        tuple_(columns.account_id, columns.audit_id).in_(latest),
    )
    return {row.account_id: (row.ready, row.score) for row in connection.execute(query)}


def read_trend(
    connection: Connection, *, owners: Collection[str] | None = None
) -> list[TrendStep]:
    """List what each owner's accounts came to, audit by audit, the oldest first.

    Args:
        connection: to the ledger.
        owners: whose; None is everybody, also the accounts that nobody owns.
    """
    query = (
        select(audits.c.at, audits.c.as_of, audit_owners)
        .join(audit_owners, audit_owners.c.audit_id == audits.c.id)
        .order_by(audits.c.as_of, audits.c.id, audit_owners.c.owner_id)
    )
    if owners is not None:
        query = query.where(audit_owners.c.owner_id.in_(sorted(owners)))
    return [
        TrendStep(
            at=row.at,
            as_of=row.as_of,
            source=row.source,
            owner_id=row.owner_id or None,
            team=row.team,
            score=row.score,
            ready=row.ready,
            accounts=row.accounts,
        )
        for row in connection.execute(query)
    ]
