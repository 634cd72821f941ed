"""Runs on files through the command line: what they print, leave behind and take up."""

import csv
import io
import json
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli import handover as root
from connectors.base import Change, Outcome
from connectors.files.crm import FilesCRM
from handover.commands.shell import run
from handover.ledger import Ledger
from handover.plan import store
from tests.conftest import Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.planning_folder import NEW, TODAY

EARLY = ("--early", "personnel change", *TODAY)
STEP = {
    "n",
    "source",
    "account_id",
    "action",
    "object",
    "record_id",
    "field",
    "before",
    "after",
    "key",
    "authority",
    "outcome",
    "code",
    "message",
}


@pytest.fixture(scope="module")
def approved_company(
    planning_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Sato's approved plan, not published yet."""
    folder = copy_folder(planning_files, tmp_path_factory.mktemp("company"))
    config = ("-c", str(folder / "handover.toml"), "-q", *TODAY)
    assert run(root, ("plan", *NEW, *config), {}) == 0
    plan_id = plan_of(folder)
    decided = ("--no-attend", "rest", "--loose", "opportunities=transfer")
    for words in (
        ("edit", plan_id, *decided, "--as", "M"),
        ("submit", plan_id, "--as", "P"),
        ("approve", plan_id, "--as", "M"),
    ):
        assert run(root, ("plan", *words, *config), {}) == 0
    return folder


@pytest.fixture
def place(approved_company: Path, folder: Path) -> Path:
    """A working folder of its own with the approved plan."""
    copy_folder(approved_company, folder)
    return folder


def plan_of(folder: Path) -> str:
    ledger = Ledger.open(folder / ".handover" / "ledger.sqlite")
    with ledger.read() as connection:
        return store.load_all(connection)[0].id


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def owners(folder: Path, name: str = "accounts") -> dict[str, str]:
    rows = table(folder / "export" / f"{name}.csv")
    return {row["id"]: row["owner_id"] for row in rows}


def give(folder: Path, account: str, owner: str) -> None:
    """Change an account's owner in the file, as a person would."""
    path = folder / "export" / "accounts.csv"
    rows = table(path)
    for row in rows:
        row["owner_id"] = owner if row["id"] == account else row["owner_id"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def counts(ended: Ended) -> dict[str, Any]:
    found = ended.data["run"]["counts"]
    assert isinstance(found, dict)
    return found


def sato(folder: Path) -> list[str]:
    return sorted(key for key, owner in owners(folder).items() if owner == "P")


# The main road


def test_runs_are_listed_with_the_last_first_and_shown_as_they_ended(
    place: Path, cli: Cli
) -> None:
    plan_id = plan_of(place)
    published = cli("plan", "publish", plan_id, *TODAY, "--json")
    assert (published.code, published.json["schema"]) == (0, "handover.run/1")
    done = cli("reassign", plan_id, *EARLY, "--json")
    assert cli("undo", done.data["run"]["id"], "--as", "D", *TODAY).code == 0
    listed = cli("runs", "list", "--json").data["runs"]
    assert [each["kind"] for each in listed] == ["undo", "reassign", "publish"]
    shown = cli("runs", "show", done.data["run"]["id"], "--json")
    assert done.data["run"].items() <= shown.data["run"].items()


def test_the_json_has_the_fixed_names(place: Path, cli: Cli) -> None:
    found = cli("reassign", plan_of(place), *EARLY, "--json").data["run"]
    assert set(found) == {"id", "plan", "state", "counts", "steps", "window_seconds"}
    assert set(found["counts"]) == {
        "planned",
        "done",
        "skipped",
        "refused",
        "in_doubt",
    }
    assert found["state"] == "finished"
    assert all(set(step) == STEP for step in found["steps"])
    first = found["steps"][0]
    assert (first["action"], first["object"]) == ("account_owner", "accounts.csv")
    assert (first["field"], first["before"], first["after"]) == ("owner_id", "P", "S")
    assert first["authority"].startswith(f"plan:{plan_of(place)}@")
    assert re.fullmatch(r"\d{8}-\d{4}-reassign-[0-9a-f]{4}", found["id"])


def test_the_first_line_says_where_and_the_last_how_it_ended(
    place: Path, cli: Cli
) -> None:
    plan_id = plan_of(place)
    shown = cli("reassign", plan_id, "--dry-run", *EARLY).out.splitlines()
    done = cli("reassign", plan_id, *EARLY).out.splitlines()
    assert shown[0] == done[0]
    assert "not production" in done[0]
    assert "files:export" in done[0]
    assert shown[-1].strip() == "Nothing was written."
    assert done[-1].startswith("Run 2")
    japanese = cli("reassign", plan_id, "--lang", "ja", *EARLY)
    assert "本番ではない" in japanese.out
    assert "すべて完了しています" in japanese.err
    japanese.out.encode("cp932")


# What a run leaves behind


def test_a_run_leaves_files_for_people_and_data_loader(place: Path, cli: Cli) -> None:
    moved = sato(place)
    give(place, moved[0], "M")
    ended = cli("reassign", plan_of(place), *EARLY, "--json")
    assert ended.code == 6
    assert ended.json["error"]["code"] == "partly"
    folder = place / ".handover" / "runs" / ended.data["run"]["id"]
    names = {
        "plan.json",
        "success.csv",
        "error.csv",
        "before.csv",
        "chain.json",
        "log.jsonl",
    }
    assert {file.name for file in folder.iterdir()} == names
    before, good, bad = (
        table(folder / f"{name}.csv") for name in ("before", "success", "error")
    )
    assert len(before) == len(good) + len(bad) == counts(ended)["planned"]
    accounts = [row for row in before if row["Object"] == "accounts.csv"]
    assert {(row["Id"], row["OwnerId"]) for row in accounts} == {
        (key, "P") for key in moved
    }
    assert {row["OwnerId"] for row in good if row["Id"] in moved} == {"S"}
    assert moved[0] in {row["Id"] for row in bad}
    assert "changed" in bad[0]["Error"]
    assert json.loads((folder / "plan.json").read_text("utf-8"))["id"] == plan_of(place)
    lines = (folder / "log.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert [e["event"] for e in events] == ["run_begun", "run_finished"]
    assert {e["run"] for e in events} == {ended.data["run"]["id"]}
    assert events[-1]["planned"] == counts(ended)["planned"]


def test_formula_like_ids_are_inert_in_the_files_and_still_found(
    place: Path, cli: Cli
) -> None:
    text = (place / "export" / "contacts.csv").read_text("utf-8-sig")
    first = table(place / "export" / "contacts.csv")[0]["id"]
    (place / "export" / "contacts.csv").write_text(
        text.replace(first, "=1+1"), encoding="utf-8"
    )
    assert cli("sync", "-q", *TODAY).code == 0
    plan_id = plan_of(place)
    ended = cli("reassign", plan_id, *EARLY, "--json")
    folder = place / ".handover" / "runs" / ended.data["run"]["id"]
    ids = [row["Id"] for row in table(folder / "success.csv")]
    assert "'=1+1" in ids
    again = cli(
        "reassign", plan_id, "--rows", str(folder / "success.csv"), *EARLY, "--json"
    )
    assert (again.code, counts(again)["planned"]) == (0, 0)


# Taking up what was left


def test_an_account_in_the_list_takes_along_what_follows_it(
    place: Path, cli: Cli
) -> None:
    first, *others = sato(place)
    chosen = place / "chosen.csv"
    chosen.write_text(f"Id,Name\r\n{first},x\r\n", encoding="cp932")
    ended = cli("reassign", plan_of(place), "--rows", str(chosen), *EARLY, "--json")
    assert {step["account_id"] for step in ended.data["run"]["steps"]} == {first}
    assert counts(ended)["done"] > 1
    assert {owners(place)[key] for key in others} == {"P"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Id\nnobody\n", "unknown_rows"),
        (b"Name\nx\n", "bad_rows_file"),
        (b"", "bad_rows_file"),
        (b"Id\n\x00", "nul_byte"),
        ("Id\n株式会社青葉\n".encode("euc_jp"), "unknown_encoding"),
    ],
)
def test_a_wrong_list_is_a_usage_error(
    place: Path, cli: Cli, content: bytes, code: str
) -> None:
    (place / "rows.csv").write_bytes(content)
    rows = ("--rows", str(place / "rows.csv"))
    ended = cli("reassign", plan_of(place), *rows, *EARLY, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, code)
    missing = ("--rows", str(place / "none.csv"))
    assert cli("reassign", plan_of(place), *missing, *EARLY).code == 2


def test_retry_takes_up_what_a_run_left_undone(place: Path, cli: Cli) -> None:
    moved = sato(place)
    give(place, moved[0], "M")
    first = cli("reassign", plan_of(place), *EARLY, "--json")
    give(place, moved[0], "P")
    again = cli("runs", "retry", first.data["run"]["id"], *TODAY, "--json")
    assert (again.code, counts(again)["done"]) == (0, counts(first)["skipped"])
    give(place, moved[0], "M")
    undone = cli("undo", first.data["run"]["id"], "--as", "M", *TODAY, "--json")
    assert undone.code == 0
    retried = cli("runs", "retry", undone.data["run"]["id"], "--as", "M", *TODAY)
    assert retried.code == 0
    published = cli("plan", "publish", plan_of(place), *TODAY)
    assert published.code == 0
    assert cli("runs", "retry", "last", *TODAY, "--json").code == 0


# Refusals


def test_reasons_are_words(place: Path, cli: Cli) -> None:
    plan_id = plan_of(place)
    for words in (
        ("reassign", plan_id, "--early", " "),
        ("plan", "publish", plan_id, "--before-announcement", ""),
    ):
        ended = cli(*words, *TODAY, "--json")
        assert (ended.code, ended.json["error"]["code"]) == (2, "reason_missing")


def test_the_author_may_not_take_a_run_back(place: Path, cli: Cli) -> None:
    done = cli("reassign", plan_of(place), *EARLY, "--json")
    ended = cli("undo", done.data["run"]["id"], "--as", "P", *TODAY, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (5, "not_yours")
    nobody = cli("undo", done.data["run"]["id"], *TODAY, "--json")
    assert (nobody.code, nobody.json["error"]["code"]) == (2, "no_decider")
    unknown = cli("undo", "20270101", *TODAY, "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "unknown_name")


def test_ctrl_c_ends_the_run_after_the_batch(
    place: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(crm: FilesCRM, batch: Sequence[Change]) -> list[Outcome]:
        outcomes = write(crm, batch)
        os.kill(os.getpid(), signal.SIGINT)
        return outcomes

    write = FilesCRM.write
    monkeypatch.setattr(FilesCRM, "write", press)
    ended = cli("reassign", plan_of(place), *EARLY, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (130, "interrupted")
    assert ended.data["run"]["state"] == "interrupted"
    assert counts(ended)["done"] == len(sato_before(ended))
    monkeypatch.undo()
    assert cli("-c", str(place / "handover.toml"), "runs", "verify").code == 0


def sato_before(ended: Ended) -> list[str]:
    """The accounts of a run: they are its first batch."""
    steps = ended.data["run"]["steps"]
    return [s["record_id"] for s in steps if s["action"] == "account_owner"]


def test_a_second_run_waits_its_turn(place: Path, cli: Cli) -> None:
    from handover.ledger.lock import run_lock
    from tests.worlds.small_company import NOW

    with run_lock(place / ".handover", "sync", NOW):
        ended = cli("reassign", plan_of(place), *EARLY, "--json")
        assert (ended.code, ended.json["error"]["code"]) == (7, "locked")
        assert cli("reassign", plan_of(place), "--dry-run", *EARLY).code == 0


# Verification


def test_verify_finds_what_somebody_changed(place: Path, cli: Cli) -> None:
    cli("reassign", plan_of(place), *EARLY)
    assert cli("runs", "verify", "--json").data["broken"] == []
    ledger = Ledger.open(place / ".handover" / "ledger.sqlite")
    with ledger.begin() as connection:
        connection.exec_driver_sql("update steps set outcome = 'planned' where n = 1")
    ended = cli("runs", "verify", "--json")
    assert ended.code == 6
    assert {each["kind"] for each in ended.data["broken"]} == {"row", "run"}
    assert "×" in cli("runs", "verify").out


def test_verify_asks_the_crm_for_what_was_written_last(place: Path, cli: Cli) -> None:
    cli("reassign", plan_of(place), *EARLY)
    ended = cli("runs", "verify", "--json")
    assert (ended.code, ended.data["broken"]) == (0, [])
    assert ended.data["checked"]["files"] > 0
    given_away(place, "A2", "B")
    ended = cli("runs", "verify", "last", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (6, "records_differ")
    (found,) = ended.data["broken"]
    known = {name: found[name] for name in ("kind", "id", "what", "written", "found")}
    assert known == {
        "kind": "record",
        "id": "A2",
        "what": "changed",
        "written": "S",
        "found": "B",
    }
    assert "A2: owner_id holds B" in cli("runs", "verify").out


def given_away(place: Path, account: str, owner: str) -> None:
    """Change an account's owner in the file, as somebody else would."""
    file = place / "export" / "accounts.csv"
    rows = [*csv.reader(file.read_text(encoding="utf-8").splitlines())]
    column = rows[0].index("owner_id")
    for row in rows:
        if row[0] == account:
            row[column] = owner
    with file.open("w", encoding="utf-8", newline="") as to:
        csv.writer(to).writerows(rows)


def test_verify_says_when_the_crm_could_not_be_asked(place: Path, cli: Cli) -> None:
    cli("reassign", plan_of(place), *EARLY)
    (place / "export").rename(place / "elsewhere")
    ended = cli("runs", "verify", "--json")
    assert (ended.code, ended.data["broken"], ended.data["checked"]) == (2, [], {})
    warning, rehearsal = ended.json["warnings"]
    assert rehearsal["code"] == "rehearsal"
    assert warning["code"] == "crm_not_asked"
    assert ended.json["error"]["code"] == "folder_missing"
    said = cli("runs", "verify").err
    assert "could not be asked" in said
    assert "detail=" not in said


def test_verify_passes_over_a_crm_that_is_no_longer_configured(
    place: Path, cli: Cli
) -> None:
    cli("reassign", plan_of(place), *EARLY)
    config = place / "handover.toml"
    text = config.read_text(encoding="utf-8")
    other = 'base_url = "http://127.0.0.1:9"\nauth = "access_token"'
    text = text.replace("[crm.files]", f"[crm.salesforce]\n{other}")
    config.write_text(text.replace('folder = "export"\n', ""), encoding="utf-8")
    ended = cli("runs", "verify", "--json")
    assert ended.code == 0, ended.out
    warning, rehearsal = ended.json["warnings"]
    assert rehearsal["code"] == "rehearsal"
    assert warning["code"] == "crm_not_configured"
    assert "no longer configured" in warning["message"]


def test_a_list_of_rows_may_come_by_stdin(
    place: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("\ufeffId\r\nA2\r\n".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    ended = cli("reassign", plan_of(place), "--rows", "-", "--json", *EARLY)
    assert ended.code == 0, ended.out
    accounts = {step["account_id"] for step in ended.data["run"]["steps"]}
    assert accounts == {"A2"}
