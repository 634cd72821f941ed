"""What was decided or written in a rehearsal says so, with the day taken for today."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the day; what is there already was in earnest."""
    for table in ("plan_versions", "decisions", "runs"):
        op.add_column(table, sa.Column("rehearsed_on", sa.String()))
