"""What a real org says of its standard fields, read from ``tests/crm``."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "crm" / "salesforce_fields.tsv"
FLAGS = {
    "c": "createable",
    "u": "updateable",
    "f": "filterable",
    "k": "calculated",
    "e": "externalId",
    "q": "unique",
}


def _entry(row: Mapping[str, str]) -> dict[str, Any]:
    refers = row["refers"].replace("-", "").split()
    return {
        "name": row["field"],
        "type": row["type"],
        **{name: flag in row["flags"] for flag, name in FLAGS.items()},
        "relationshipName": row["relationship"].replace("-", "") or None,
        "referenceTo": refers,
        "polymorphicForeignKey": len(refers) > 1,
    }


def _read() -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    with FILE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            found.setdefault(row["object"], {})[row["field"]] = _entry(row)
    return found


STANDARD = _read()
"""Descriptions of standard fields, as the API gives them, by object and field."""
