"""Files that people write, far beyond what anybody writes: exit 2, soon."""

import tomllib
from pathlib import Path

import pytest

from connectors.errors import (
    CellTooLong,
    FileTooLarge,
    NulByte,
    RowTooWide,
    UnreadableFile,
    WrongEncoding,
)
from connectors.files import csv_text
from connectors.files.csv_text import open_table
from mappings.toml_file import LARGEST, parse_toml, read_text
from tests.conftest import Cli

HEAD = "predecessor,account,successor,effective\n"


def read(path: Path) -> list[list[str]]:
    with open_table(path) as content:
        return [cells for _, cells in content.rows]


@pytest.mark.parametrize(
    ("content", "error", "line"),
    [
        (HEAD.encode() + b'P,"' + b"x" * (17 << 20) + b'",S,\n', CellTooLong, 2),
        (HEAD.encode() + b"x" * (17 << 20), CellTooLong, 2),
        (HEAD.encode() + b"P," + b"," * 20_000 + b"\n", RowTooWide, 2),
        (HEAD.encode() + b"P,A\0,S,\n", NulByte, 2),
        (f"{HEAD}P,A\0,S,\n".encode("utf-16"), NulByte, 2),
    ],
    ids=["a long cell", "no end", "a wide row", "NUL", "NUL in UTF-16"],
)
def test_what_is_too_long_or_no_text_is_told_with_its_line(
    tmp_path: Path, content: bytes, error: type[UnreadableFile], line: int
) -> None:
    path = tmp_path / "moves.csv"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read(path)
    assert caught.value.exit_code == 2
    assert caught.value.params["file"] == "moves.csv"
    assert caught.value.params["line"] == line


@pytest.mark.parametrize("more", [b"x", b"\x00\xd8\x00\xd8"], ids=["odd", "half"])
def test_what_is_no_utf_16_is_told(tmp_path: Path, more: bytes) -> None:
    path = tmp_path / "moves.csv"
    path.write_bytes(HEAD.encode("utf-16") + more)
    with pytest.raises(WrongEncoding):
        read(path)


def test_lines_that_end_in_a_lone_return_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "moves.csv"
    path.write_bytes(f"{HEAD}P,A1,S,\nP,A2,S,\n".replace("\n", "\r").encode())
    assert read(path) == [["P", "A1", "S", ""], ["P", "A2", "S", ""]]


def test_more_rows_or_bytes_than_people_write_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "moves.csv"
    path.write_text(HEAD + "P,A1,S,\n" * 10, encoding="utf-8")
    monkeypatch.setattr(csv_text, "LONGEST_SMALL", 10)
    assert len(read(path)) == 10
    for name, limit in (("LONGEST_SMALL", 9), ("LARGEST_SMALL", 50)):
        monkeypatch.setattr(csv_text, name, limit)
        with pytest.raises(FileTooLarge):
            read(path)


DEEP: dict[str, str] = {
    "lists": "x = " + "[" * 100_000,
    "tables": "x = " + "{a=" * 100_000,
    "a key of many parts": ".".join(["a"] * 100_000) + " = 1",
    "a heading of many parts": "[" + ".".join(["a"] * 100_000) + "]",
    "a long number": "x = " + "9" * 10_000,
    "no value": "x = ",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_whatever_a_toml_file_holds_it_is_no_toml_or_read(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        parse_toml(text)


def test_a_toml_file_of_any_size_is_read_as_far_as_people_write(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r")
    assert parse_toml(read_text(path)) == {"a": 1, "b": 2}
    path.write_bytes(b"#" * LARGEST)
    assert len(read_text(path)) == LARGEST
    path.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(OSError, match="large"):
        read_text(path)


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("handover.toml", ("policy", "check")),
        ("policy.toml", ("policy", "check", "policy.toml")),
        ("own.toml", ("mapping", "show", "own.toml")),
    ],
)
def test_a_toml_file_that_is_none_ends_a_command_with_exit_2(
    folder: Path, cli: Cli, file: str, words: tuple[str, ...], text: str
) -> None:
    (folder / file).write_text(text, encoding="utf-8")
    ended = cli(*words, "--json")
    assert ended.code == 2
    assert file in ended.json["error"]["message"]


@pytest.mark.parametrize("size", [LARGEST + 1, 3 * LARGEST])
def test_a_large_one_as_well(folder: Path, cli: Cli, size: int) -> None:
    (folder / "own.toml").write_bytes(b"#" * size)
    assert cli("mapping", "show", "own.toml").code == 2
    (folder / "handover.toml").write_bytes(b"#" * size)
    assert cli("policy", "check").code == 2
