"""The policies that audits and plans were made by, each text once."""

import datetime as dt

from sqlalchemy import Connection, insert, select

from handover.ledger.tables import policies
from handover.policy import Policy


def keep_policy(connection: Connection, policy: Policy, at: dt.datetime) -> None:
    """Keep the text of a policy that an audit, a plan or an amendment goes by."""
    known = select(policies.c.hash).where(policies.c.hash == policy.hash)
    if connection.execute(known).first() is None:
        connection.execute(
            insert(policies).values(
                hash=policy.hash,
                version=policy.version,
                text=policy.text,
                first_used_at=at.isoformat(timespec="seconds"),
            )
        )
