"""Run the migrations inside a transaction that the caller has opened."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def configuration(connection: Connection | None = None) -> Config:
    """Build Alembic's configuration: there is no ini file to find or to lose."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring the ledger to the newest version; the caller commits."""
    command.upgrade(configuration(connection), "head")
