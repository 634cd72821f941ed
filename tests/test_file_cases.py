"""What is read of exported files: cases that people can read, in ``cases/files``."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Pull
from connectors.files import open_files
from mappings.cells import Index, index_rows
from mappings.forms import Lookup
from mappings.load import load_mapping
from mappings.schema import TABLES
from mappings.translate import Reject, TranslationSettings, Translator

CASES = Path(__file__).with_name("cases") / "files"
REPLAYED = CASES.parent / "replayed.toml"
GIVEN = Path(__file__).resolve().parents[2] / "shared" / "cases"
USERS = "id,name\nu1,Hana Mori\nu2,Jun Hara\n"
SETTINGS = TranslationSettings(
    timezone=ZoneInfo("Asia/Tokyo"),
    country="JP",
    currency="JPY",
    empty_words=frozenset({"なし", "-", "n/a"}),
)
REHEARSED = """#!/bin/sh
if [ -e handover.toml ] && ! grep -q rehearsal handover.toml
then printf '\\n[time]\\nrehearsal = true\\n' >> handover.toml
fi
exec {} "$@"
"""
"""The product, in folders whose scripts decide and write as of a day of their own."""
Case = Mapping[str, Any]


def cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.toml")):
        for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]:
            yield pytest.param(case, id=f"{file.stem}: {case['says']}")


@dataclass(kw_only=True)
class Read:
    """What came out of a folder."""

    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(folder: Path, case: Case) -> Read:
    """Write a case's files into a folder and read them as a sync does."""
    files = {"users.csv": USERS, **case["files"]}
    for name, text in files.items():
        content = text.removeprefix("\n").encode(case.get("encoding", "utf-8"))
        (folder / name).write_bytes(content)
    (folder.parent / "own.toml").write_text(
        case.get("mapping", 'extends = "files"\n'), encoding="utf-8"
    )
    mapping = load_mapping("own.toml", folder.parent)
    connector = open_files({"folder": folder, "objects": mapping.object_settings()})
    lookups: dict[Lookup, Index] = {}
    for lookup in mapping.lookups():
        for page in connector.pull(Pull(object=lookup.object, fields=())):
            index_rows(lookup, page.rows, lookups.setdefault(lookup, Index()))
    found = Read()
    seen: dict[str, set[str]] = {}
    countries: dict[str, str] = {}
    for name in dict.fromkeys(
        file for pattern in mapping.objects() for file in connector.objects(pattern)
    ):
        translator = Translator(
            mapping,
            "files",
            name,
            SETTINGS,
            lookups,
            connector.describe(name).fields,
            seen,
            countries,
        )
        for page in connector.pull(Pull(object=name, fields=())):
            found.notes += (note.code for note in page.notes)
            done = translator.page(page.rows, page.numbers)
            found.rejects += done.rejects
            for table, rows in done.tables.items():
                records = {row["id"]: row for row in rows.to_pylist()}
                found.tables.setdefault(table, {}).update(records)
    return found


def as_written(value: object) -> str:
    """Write a value as a case writes it; nothing is an empty text."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


@pytest.mark.parametrize("case", list(cases()))
def test_a_folder_is_read_as_its_case_says(tmp_path: Path, case: Case) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    found = read(folder, case)
    for table in case.keys() & TABLES.keys():
        records = found.tables[table]
        assert records.keys() == case[table].keys()
        for id_, columns in case[table].items():
            values = {name: as_written(records[id_][name]) for name in columns}
            assert values == columns
    expected = [tuple(one) for one in case.get("aside", [])]
    expected += [tuple(one.values()) for one in case.get("aside_of", [])]
    assert [
        (r.table, r.id or "", r.column or "", r.value or "", r.reason)
        for r in found.rejects
    ] == expected
    assert found.notes == case.get("notes", [])


@pytest.mark.skipif(not GIVEN.is_dir(), reason="the cases are not on this machine")
@pytest.mark.parametrize(
    ("name", "said"), tomllib.loads(REPLAYED.read_text(encoding="utf-8")).items()
)
@pytest.mark.every(2)
def test_a_given_case_prints_what_is_right(
    tmp_path: Path, name: str, said: Case
) -> None:
    if said.get("soak") and "HANDOVER_SOAK" not in os.environ:
        pytest.skip("takes minutes: make soak")
    command = tmp_path / "handover"
    command.write_text(
        REHEARSED.format(Path(sys.executable).with_name("handover")), encoding="utf-8"
    )
    command.chmod(0o755)
    for argument in said.get("with", [""]):
        ended = subprocess.run(  # noqa: S603 - our own script
            ["/bin/sh", str(GIVEN / name / "run.sh"), *argument.split()],
            env={**os.environ, "HANDOVER": str(command)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in ended.stdout + ended.stderr
        for text in said.get("has", ()):
            assert text in ended.stdout
        for text in said.get("lacks", ()):
            assert text not in ended.stdout
