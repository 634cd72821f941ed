"""What customers answered to the dates of visits is kept beside the plans."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table; nobody has been asked yet."""
    op.create_table(
        "agreements",
        sa.Column("id", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("plan_id", "source", "account_id", "answer", "date", "start")
        ),
        sa.Column("reason", sa.Text()),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("at", "by", "recorded_at")
        ),
        sa.Column("rehearsed_on", sa.String()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
    )
    op.create_index(
        op.f("ix_agreements_plan_id"), "agreements", ["plan_id", "account_id"]
    )
