"""Records as a company would export them, audited: what the audit's tests share.

Records go the real way: through the mapping of files, the translation and the views. A
column that no record names is unmapped, one that ``hidden`` names is unreadable; a cell
that does not convert is put aside.
"""

import csv
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from handover.audit.engine import Audit
from handover.audit.engine import audit as run_audit
from handover.mirror.generations import Generation
from handover.mirror.views import Mirror, open_mirror
from handover.policy import Policy
from handover.policy_file import load_policy
from mappings.check import Seen, check
from mappings.load import load_mapping
from mappings.schema import ASIDE_SCHEMA, COLUMNS_SCHEMA
from mappings.translate import TranslationSettings, Translator

ZONE = ZoneInfo("Asia/Tokyo")
AS_OF = dt.date(2027, 4, 1)
POLICY = load_policy()

Record = Mapping[str, Any]
Records = Mapping[str, Sequence[Record]]


def generation_of(
    records: Records,
    folder: Path,
    *,
    hidden: Collection[str] = (),
    source: str = "files",
) -> Generation:
    """Translate records into the files of a generation.

    Args:
        records: rows by table; a table that is not there is unmapped.
        folder: where the files go.
        hidden: columns (``orders.reason``) or whole tables (``orders.*``) that exist
            and cannot be read.
        source: the connector's name.
    """

    def describe(pattern: str) -> Seen | None:
        table = pattern.removesuffix(".*")
        if f"{table}.*" in hidden:
            return Seen(refused=True)
        if table not in records:
            return None
        named = {column for record in records[table] for column in record}
        unseen = {name.partition(".")[2] for name in hidden if name.startswith(table)}
        return Seen(fields=sorted(named - unseen), hidden=sorted(unseen))

    checked = check(load_mapping("files", folder), describe)
    settings = TranslationSettings(
        timezone=ZONE,
        country="JP",
        currency="JPY",
        empty_words=frozenset(POLICY.placeholders.words),
    )
    tables: dict[str, list[pa.Table]] = {}
    aside: list[dict[str, object]] = []
    for table, rows in records.items():
        seen = describe(f"{table}.*")
        translator = Translator(
            mapping=checked.mapping,
            source=source,
            object=f"{table}.*",
            settings=settings,
            visible_fields=seen.fields if seen else None,
        )
        page = translator.page([{k: str(v) for k, v in row.items()} for row in rows])
        aside += [
            {
                "source": source,
                "object": f"{table}.*",
                "table_name": reject.table,
                "id": reject.id,
                "column_name": reject.column,
                "field": reject.field,
                "value": reject.value,
                "reason": reject.reason,
                "whole": reject.whole,
                "row": reject.row,
            }
            for reject in page.rejects
        ]
        for name, translated in page.tables.items():
            tables.setdefault(name, []).append(translated)
    files = {
        name: _written(pa.concat_tables(parts), folder / f"{name}.parquet")
        for name, parts in tables.items()
    }
    columns = [
        dict(zip(COLUMNS_SCHEMA.names, (source, *column), strict=True))
        for column in checked.columns
    ]
    files["columns"] = _written(
        pa.Table.from_pylist(columns, schema=COLUMNS_SCHEMA), folder / "columns.parquet"
    )
    files["aside"] = _written(
        pa.Table.from_pylist(aside, schema=ASIDE_SCHEMA), folder / "aside.parquet"
    )
    return Generation(
        n=1,
        folder=folder,
        files=files,
        sources={source: {}},
        published_at=dt.datetime(2027, 4, 1, tzinfo=dt.UTC),
    )


def _written(table: pa.Table, file: Path) -> Path:
    pq.write_table(table, file)
    return file


@contextmanager
def mirror_of(
    records: Records,
    folder: Path,
    *,
    hidden: Collection[str] = (),
    **settings: Any,
) -> Iterator[Mirror]:
    """Open records as the views of a mirror."""
    given = {"as_of": AS_OF, "zone": ZONE, "currency": "JPY", **settings}
    generation = generation_of(records, folder, hidden=hidden)
    with open_mirror(generation, "files", **given) as mirror:
        yield mirror


def audit_of(
    records: Records,
    folder: Path,
    *,
    policy: Policy = POLICY,
    **settings: Any,
) -> Audit:
    """Audit records."""
    with mirror_of(records, folder, **settings) as mirror:
        return run_audit(mirror, policy, mirror.as_of)


def states(audit: Audit) -> dict[str, dict[str, str]]:
    """Return the state of each item, by account."""
    found: dict[str, dict[str, str]] = {}
    for row in audit.items.to_pylist():
        found.setdefault(row["account_id"], {})[row["item"]] = row["state"]
    return found


def export(records: Records, folder: Path) -> None:
    """Write records as CSV files, as a company's CRM would export them."""
    for table, rows in records.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
