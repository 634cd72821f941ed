"""Audits kept in the ledger: how completeness has developed (R35)."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from sqlalchemy import Connection, insert, select

from handover.audit.engine import Audit
from handover.ledger import Ledger
from handover.ledger.tables import audit_accounts, audit_owners, audits, policies
from handover.mirror.people import People

Json = dict[str, Any]


def keep(
    ledger: Ledger,
    generation: int,
    found: Audit,
    accounts: Sequence[Mapping[str, Any]],
    people: People,
    now: dt.datetime,
) -> None:
    """Keep an audit, unless the same one is kept already.

    Per account only what differs from the last kept audit is written.
    """
    with ledger.read() as connection:
        if _is_kept(connection, generation, found):
            return
    with ledger.begin() as connection:
        if _is_kept(connection, generation, found):
            return
        _keep_policy(connection, found, now)
        scored = [a["score"] for a in accounts if a["score"] is not None]
        result = connection.execute(
            insert(audits).values(
                generation=generation,
                source=found.source,
                policy_hash=found.policy.hash,
                as_of=found.as_of.isoformat(),
                at=now.isoformat(timespec="seconds"),
                accounts=len(accounts),
                ready=sum(bool(a["ready"]) for a in accounts),
                score=fmean(scored) if scored else None,
            )
        )
        key = result.inserted_primary_key
        audit_id = int(key[0]) if key else 0
        _keep_owners(connection, audit_id, found.source, accounts, people)
        _keep_accounts(connection, audit_id, found.source, accounts)


def _is_kept(connection: Connection, generation: int, found: Audit) -> bool:
    query = select(audits.c.id).where(
        audits.c.generation == generation,
        audits.c.source == found.source,
        audits.c.policy_hash == found.policy.hash,
        audits.c.as_of == found.as_of.isoformat(),
    )
    return connection.execute(query).first() is not None


def _keep_policy(connection: Connection, found: Audit, now: dt.datetime) -> None:
    known = select(policies.c.hash).where(policies.c.hash == found.policy.hash)
    if connection.execute(known).first() is None:
        connection.execute(
            insert(policies).values(
                hash=found.policy.hash,
                version=found.policy.version,
                text=found.policy.text,
                first_used_at=now.isoformat(timespec="seconds"),
            )
        )


def _keep_owners(
    connection: Connection,
    audit_id: int,
    source: str,
    accounts: Sequence[Mapping[str, Any]],
    people: People,
) -> None:
    by_owner: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for account in accounts:
        by_owner[account["owner_id"] or ""].append(account)
    rows = []
    for owner, own in by_owner.items():
        person = people.user(owner)
        scored = [a["score"] for a in own if a["score"] is not None]
        rows.append(
            {
                "audit_id": audit_id,
                "source": source,
                "owner_id": owner,
                "team": person.team if person else None,
                "accounts": len(own),
                "ready": sum(bool(a["ready"]) for a in own),
                "score": fmean(scored) if scored else None,
            }
        )
    if rows:
        connection.execute(insert(audit_owners), rows)


def _keep_accounts(
    connection: Connection,
    audit_id: int,
    source: str,
    accounts: Sequence[Mapping[str, Any]],
) -> None:
    """Write the accounts whose score or readiness is another than last time."""
    last: dict[str, tuple[bool, float | None]] = {}
    query = (
        select(audit_accounts)
        .where(audit_accounts.c.source == source)
        .order_by(audit_accounts.c.audit_id)
    )
    for row in connection.execute(query):
        last[row.account_id] = (row.ready, row.score)
    rows = [
        {
            "audit_id": audit_id,
            "source": source,
            "account_id": account["id"],
            "ready": bool(account["ready"]),
            "score": account["score"],
        }
        for account in accounts
        if last.get(account["id"]) != (bool(account["ready"]), account["score"])
    ]
    if rows:
        connection.execute(insert(audit_accounts), rows)


def trend_json(connection: Connection) -> list[Json]:
    """List, audit by audit, what each owner's accounts came to; oldest first."""
    query = (
        select(audits.c.at, audits.c.as_of, audit_owners)
        .join(audit_owners, audit_owners.c.audit_id == audits.c.id)
        .order_by(audits.c.id, audit_owners.c.owner_id)
    )
    return [
        {
            "at": row.at,
            "as_of": row.as_of,
            "source": row.source,
            "owner_id": row.owner_id or None,
            "team": row.team,
            "score": row.score,
            "ready": row.ready,
            "accounts": row.accounts,
        }
        for row in connection.execute(query)
    ]
