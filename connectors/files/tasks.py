"""The file that takes the tasks we create."""

from pathlib import Path

from connectors.base import Create
from connectors.disk import replace_file

TASKS_FILE = "handover_tasks.csv"
"""Read as activities, whatever a mapping says; made with the first task."""

COLUMNS = (
    "id",
    "kind",
    "is_done",
    "outcome",
    "happened_at",
    "due",
    "subject",
    "text",
    "direction",
    "owner_id",
    "account_id",
    "contact_id",
    "opportunity_id",
    "handover_key",
)
"""The canonical columns of activities, links included."""

KEY_FIELD = "handover_key"

HEADER = b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"
"""With the BOM by which Excel knows UTF-8."""


def task_row(create: Create) -> dict[str, str]:
    """Write a task as a row: its key is its id, its links are columns."""
    row = {"kind": "task", "is_done": "false"}
    row |= {name: value or "" for name, value in create.values.items()}
    row |= {f"{kind}_id": target for kind, target in create.links.items()}
    return row | {"id": create.key, create.key_field or KEY_FIELD: create.key}


def ensure_tasks_file(folder: Path) -> None:
    """Make the file with its header where there is none, or only an empty one."""
    path = folder / TASKS_FILE
    if not path.exists() or not path.stat().st_size:
        replace_file(path, HEADER)
