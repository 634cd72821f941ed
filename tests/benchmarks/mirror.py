"""How long it takes to publish a night's changes, and to read a company at first.

    python tests/benchmarks/mirror.py [ACCOUNTS]

*publish*: a company's mirror of 100,000 accounts is there already, one record in a
hundred of every table has changed; measured is everything from the staged rows to the
generation being current: merging, counting, writing, the disk and the ledger. Beside it
stands a plain pandas script in the same run that merges the same files and rows and
writes them with pyarrow, uncounted and unsafe.
*first sync*: a tenth of that company from CSV files through connector, mapping and
staging to the first generation, and a second sync that finds everything the same.

Printed are seconds (median of three), µs per row and the peak memory of each process.
"""

import datetime as dt
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.files import FilesCRM
from handover.ledger import Ledger
from handover.mirror.deltas import Delta
from handover.mirror.disk import open_duckdb
from handover.mirror.generations import (
    NextGeneration,
    current_generation,
    digest,
    publish,
)
from handover.mirror.merging import Merger
from handover.mirror.staging import PLACE, StagedRows
from handover.mirror.sync import Source, Syncer, SyncOptions
from mappings.load import load_mapping
from mappings.model import LINKS, mappable
from mappings.schema import LINK_TABLES, TABLES, arrow_schema
from mappings.translate import TranslationSettings
from tests.benchmarks.company import SOURCE, write_company

NOW = dt.datetime(2027, 3, 31, tzinfo=dt.UTC)
SHARE = 100
"""One record in so many has changed."""
ROUNDS = 3
FILES_SHARE = 10
"""The company of files is so much smaller."""
SETTINGS = TranslationSettings(
    timezone=ZoneInfo("Asia/Tokyo"),
    country="JP",
    currency="JPY",
    empty_words=frozenset({"なし", "不明", "未入力", "-"}),
)


def begin(folder: Path, accounts: int) -> int:
    """Make a company's first generation; count its rows."""
    files = write_company(folder / "mirror" / "g000001", accounts)
    entries = {
        table: {
            "file": file.relative_to(folder / "mirror").as_posix(),
            "rows": pq.read_metadata(file).num_rows,
            "bytes": file.stat().st_size,
            "sha256": digest(file),
        }
        for table, file in files.items()
    }
    with Ledger.open(folder / "ledger.sqlite").begin() as connection:
        publish(connection, n=1, files=entries, sources={SOURCE: {}}, now=NOW)
    return sum(int(entry["rows"]) for entry in entries.values())


def changes(folder: Path, turn: int) -> Iterator[Delta]:
    """Change one record in a hundred of every table, as a page that was staged."""
    ledger = Ledger.open(folder / "ledger.sqlite")
    files = current_generation(ledger, folder / "mirror").files
    for table in TABLES:
        if table not in files:
            continue
        schema = arrow_schema(table)
        with duckdb.connect() as con:
            con.execute("set timezone = 'UTC'")
            found = con.sql(
                f"select * replace ('https://crm.example/{turn}' as url) "  # noqa: S608
                f"from '{files[table]}' where hash(id) % {SHARE} = {turn}"
            ).to_arrow_table()
        rows = pa.table([found[name] for name in schema.names], schema=schema)
        origins = rows["origin"].to_pylist() if "origin" in schema.names else []
        placed = rows.append_column(PLACE, pa.array(range(len(rows)), PLACE.type))
        yield Delta(
            table=table,
            source=SOURCE,
            rows=staged(folder / f"{turn}-{table}.arrow", placed),
            read=len(rows),
            origins=[origin for origin in origins if origin],
        )


def staged(file: Path, rows: pa.Table) -> StagedRows:
    """Write rows as a page that was staged."""
    with (
        pa.OSFile(str(file), "wb") as opened,
        pa.ipc.new_file(opened, rows.schema) as to,
    ):
        to.write_table(rows)
    return StagedRows(schema=rows.schema, files=[file])


def publish_changes(folder: Path, deltas: list[Delta]) -> float:
    """Publish them; give the seconds it took."""
    ledger = Ledger.open(folder / "ledger.sqlite")
    started = time.perf_counter()
    before = current_generation(ledger, folder / "mirror")
    with open_duckdb(folder / "mirror") as con:
        following = NextGeneration(con=con, folder=folder / "mirror", before=before)
        merger = Merger(con, allow_shrink=False)
        for delta in deltas:
            counts = merger.merge(following.relation(delta.table), delta)
            if counts.changes_anything:
                following.write(delta.table, merger.ROWS)
        files = following.finish()
    with ledger.begin() as connection:
        publish(connection, n=following.n, files=files, sources={SOURCE: {}}, now=NOW)
    return time.perf_counter() - started


def publish_plainly(folder: Path, deltas: list[Delta]) -> float:
    """Merge the same rows into the same files as a script would; give the seconds."""
    ledger = Ledger.open(folder / "ledger.sqlite")
    files = current_generation(ledger, folder / "mirror").files
    home = folder / "plain"
    home.mkdir(exist_ok=True)
    started = time.perf_counter()
    for delta in deltas:
        old = pd.read_parquet(files[delta.table], dtype_backend="pyarrow")
        read = delta.rows.open().read_all()
        new = pa.Table.to_pandas(read, types_mapper=pd.ArrowDtype)
        kept = old[~old["id"].isin(new["id"])]
        rows = pd.concat([kept, new[kept.columns]], ignore_index=True)
        table = pa.Table.from_pandas(rows, preserve_index=False)
        pq.write_table(table, home / f"{delta.table}.parquet", compression="zstd")
    return time.perf_counter() - started


def write_exports(folder: Path, accounts: int) -> int:
    """Write a company as the CSV files that somebody exported; count its records."""
    files = write_company(folder / "company", accounts)
    export = folder / "export"
    export.mkdir()
    count = 0
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        for table in set(TABLES) & set(files) - LINK_TABLES:
            con.execute(
                f"copy ({_exported(table, files)}) to '{export / table}.csv' (header)"
            )
            count += pq.read_metadata(files[table]).num_rows
    return count


def _exported(table: str, files: Mapping[str, Path]) -> str:
    """Write the query for what an export of a table holds."""
    if table != "activities":
        return f"select {', '.join(mappable(table))} from '{files[table]}'"  # noqa: S608
    own = ", ".join(name for name in mappable(table) if name not in LINKS)
    hangs_on = ", ".join(
        f"any_value(target_id) filter (where target = '{target}') as {name}"
        for name, target in LINKS.items()
    )
    return f"""select {own}, {", ".join(LINKS)} from '{files[table]}' left join (
        select activity_id as id, {hangs_on} from '{files["activity_links"]}'
        group by activity_id) using (id)"""  # noqa: S608 - numbers and names of ours


def sync_files(folder: Path) -> float:
    """Sync the exported files; give the seconds."""
    source = Source(
        name="files",
        connect=lambda: FilesCRM(folder=folder / "export"),
        mapping=load_mapping("files", folder),
    )
    started = time.perf_counter()
    Syncer(
        ledger=Ledger.open(folder / "ledger.sqlite"),
        folder=folder / "mirror",
        settings=SETTINGS,
        now=NOW,
        options=SyncOptions(),
    ).sync([source])
    return time.perf_counter() - started


def tell(what: str, seconds: float, rows: int) -> None:
    """Print one line of the result."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = seconds / rows * 1e6
    print(f"{what:24} {seconds:6.2f} s  {each:6.2f} µs/row  {peak:5.0f} MB")


def measure(what: str, folder: Path, rows: int) -> None:
    """Measure one thing in this process."""
    if what == "publish":
        nights = (list(changes(folder, turn)) for turn in range(ROUNDS))
        times = [publish_changes(folder, night) for night in nights]
        tell("publish 1 %", statistics.median(times), rows)
    elif what == "plain":
        nights = (list(changes(folder, turn)) for turn in range(ROUNDS))
        times = [publish_plainly(folder, night) for night in nights]
        tell("  pandas, same rows", statistics.median(times), rows)
    else:
        tell("first sync, files", sync_files(folder), rows)
        tell("second sync, all same", sync_files(folder), rows)


def main() -> None:
    """Make the companies, then measure each thing in a process of its own."""
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        published, exported = Path(name) / "published", Path(name) / "exported"
        counts = {
            published: begin(published, accounts),
            exported: write_exports(exported, accounts // FILES_SHARE),
        }
        for what, folder in {
            "publish": published,
            "plain": published,
            "first": exported,
        }.items():
            rows = counts[folder]
            print(f"{rows:,} rows")
            subprocess.run(  # noqa: S603 - our own interpreter
                [sys.executable, __file__, "--measure", what, str(folder), str(rows)],
                check=True,
            )


if __name__ == "__main__":
    main()
