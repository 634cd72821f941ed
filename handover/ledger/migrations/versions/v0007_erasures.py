"""What of persons was erased, so that no sync brings it back."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Keep which records and cells stay empty, by hashes of their ids."""
    op.create_table(
        "erasures",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("column_name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("source", "table_name", "digest", "column_name"),
            name=op.f("pk_erasures"),
        ),
    )
