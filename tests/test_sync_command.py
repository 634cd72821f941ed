"""``handover sync``: a folder of files through the command line."""

from pathlib import Path

import pytest

from tests.conftest import Cli


def write(folder: Path, name: str, text: str) -> None:
    (folder / "export" / name).write_text(text, encoding="utf-8")


USERS = "id,name\nu1,佐藤\nu2,田中\n"
ACCOUNTS = "id,name,owner_id\na1,東京精機,u1\na2,大阪商事,u1\n"


def test_a_folder_is_synced_and_counted(folder: Path, cli: Cli) -> None:
    write(folder, "users.csv", USERS)
    write(folder, "accounts.csv", ACCOUNTS)
    ended = cli("sync", "--json")
    assert ended.code == 0
    assert ended.data["generation"] == 1
    assert ended.data["objects"]["accounts"] == {
        "read": 2,
        "new": 2,
        "changed": 0,
        "same": 0,
        "deleted": 0,
        "rejected": 0,
        "cells_rejected": 0,
    }
    assert ended.data["sources"] == [{"source": "files", "ok": True, "code": None}]


def test_a_quiet_sync_says_nothing(folder: Path, cli: Cli) -> None:
    write(folder, "users.csv", USERS)
    write(folder, "accounts.csv", ACCOUNTS)
    ended = cli("sync", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_an_owner_changed_in_the_crm_is_an_unmanaged_change(
    folder: Path, cli: Cli
) -> None:
    write(folder, "users.csv", USERS)
    write(folder, "accounts.csv", ACCOUNTS)
    cli("sync")
    write(folder, "accounts.csv", ACCOUNTS.replace("a2,大阪商事,u1", "a2,大阪商事,u2"))
    (change,) = cli("sync", "--json").data["unmanaged"]
    assert (change["account_id"], change["before"], change["after"]) == (
        "a2",
        "u1",
        "u2",
    )


def test_a_customer_who_is_gone_is_named_with_the_former_owner(
    folder: Path, cli: Cli
) -> None:
    write(folder, "users.csv", USERS)
    write(folder, "accounts.csv", ACCOUNTS)
    assert cli("sync", "--json").data["gone"] == []
    write(folder, "accounts.csv", ACCOUNTS.replace("a2,大阪商事,u1\n", ""))
    ended = cli("sync", "--json")
    assert ended.data["gone"] == [
        {
            "source": "files",
            "account_id": "a2",
            "name": "大阪商事",
            "owner_id": "u1",
            "owner": "佐藤",
        }
    ]
    (warning,) = (w for w in ended.json["warnings"] if w["code"] != "rehearsal")
    assert warning["code"] == "customers_gone"
    assert "大阪商事 (佐藤)" in warning["message"]
    # Who is known to be gone is not told again.
    assert cli("sync", "--json").data["gone"] == []


def test_rejects_are_listed_and_strict_fails(folder: Path, cli: Cli) -> None:
    write(folder, "users.csv", USERS)
    write(
        folder,
        "accounts.csv",
        "id,name,owner_id,renewal_date\na1,東京精機,u1,2026-02-30\n",
    )
    ended = cli("sync", "--strict", "--json")
    assert ended.code == 6
    assert ended.data["objects"]["accounts"]["rejected"] == 0
    assert ended.data["objects"]["accounts"]["cells_rejected"] == 1
    (listed,) = (folder / ".handover" / "runs").glob("*/rejects.csv")
    assert "bad_date,2026-02-30" in listed.read_text(encoding="utf-8-sig")


OPPORTUNITIES = "id,account_id,owner_id,is_closed,is_won\n" + "".join(
    f"o{n},a1,u1,false,false\n" for n in range(6)
)


def test_an_optional_table_that_lacks_a_column_is_left_out_and_the_rest_comes(
    folder: Path, cli: Cli
) -> None:
    write(folder, "users.csv", USERS)
    write(folder, "accounts.csv", ACCOUNTS)
    write(folder, "opportunities.csv", OPPORTUNITIES.replace(",owner_id", ",seller"))
    ended = cli("sync", "--json")
    assert ended.code == 0
    assert ended.data["objects"]["accounts"]["new"] == 2
    assert "opportunities" not in ended.data["objects"]
    (warning,) = (w for w in ended.json["warnings"] if w["code"] != "rehearsal")
    assert warning["code"] == "left_out_table"
    assert "opportunities.owner_id" in warning["message"]


def test_a_known_table_that_falls_out_as_a_whole_stops_the_sync(
    folder: Path, cli: Cli
) -> None:
    write(folder, "users.csv", USERS)
    write(folder, "accounts.csv", ACCOUNTS)
    write(folder, "opportunities.csv", OPPORTUNITIES)
    assert cli("sync").code == 0
    write(folder, "opportunities.csv", OPPORTUNITIES.replace(",owner_id", ",seller"))
    ended = cli("sync", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (5, "shrunk")
    assert "6 of 6 rows of opportunities" in ended.json["error"]["message"]


@pytest.mark.parametrize(
    ("files", "code", "exit_code"),
    [
        ({}, "folder_empty", 2),
        ({"users.csv": USERS}, "required_table", 2),
        ({"users.csv": USERS, "accounts.csv": "id,name\na1,x\n"}, "required_column", 2),
        (
            {"users.csv": USERS, "accounts.csv": "id,name,owner_id\na1,\0,u1\n"},
            "nul_byte",
            2,
        ),
        (
            {"users.csv": USERS, "accounts.csv": 'id,name,owner_id\na1,"x,u1\n'},
            "unreadable_quoting",
            2,
        ),
    ],
)
def test_a_folder_that_cannot_be_read_has_its_own_error(
    folder: Path, cli: Cli, files: dict[str, str], code: str, exit_code: int
) -> None:
    for name, text in files.items():
        write(folder, name, text)
    ended = cli("sync", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (exit_code, code)
    assert cli("audit", "--json").json["error"]["code"] == "no_generation"
