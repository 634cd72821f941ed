"""Rows that give authority are vouched for by the chain; runs are counted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of seals, bind it to the chain, and protect it like the chain."""
    serial = sa.Column("serial", sa.Integer(), nullable=False, server_default="0")
    op.add_column("runs", serial)
    op.execute("UPDATE runs SET serial = rowid")  # the order in which they began
    op.add_column("events", sa.Column("seals_hash", sa.String()))
    op.create_table(
        "seals",
        sa.Column("event_n", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_n"], ["events.n"], name=op.f("fk_seals_event_n")
        ),
        sa.PrimaryKeyConstraint("event_n", "subject", name=op.f("pk_seals")),
    )
    op.create_index("ix_seals_subject", "seals", ["subject"])
    op.execute("DROP TRIGGER events_are_not_edited")
    op.execute(
        "CREATE TRIGGER events_are_not_edited BEFORE UPDATE OF "
        "n, at, kind, subject, details_hash, previous, hash, seals_hash ON events "
        "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    )
    for what, when in (("deleted", "DELETE"), ("edited", "UPDATE")):
        op.execute(
            f"CREATE TRIGGER seals_are_not_{what} BEFORE {when} ON seals "
            "BEGIN SELECT RAISE(ABORT, 'seals are append-only'); END"
        )
