import csv
import datetime as dt
import hashlib
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cli import handover as root
from handover.commands.shell import run
from tests.conftest import FILES, Cli, Ended

TODAY = ("--as-of", "2027-03-01")
PEOPLE = [
    ("user", "manager", "delegate", "login"),
    ("P", "M", "", ""),
    ("S", "M", "", ""),
    ("Q", "M", "", ""),
    ("M", "B", "D", ""),
]
USERS = [
    ("id", "name", "email", "is_active", "region"),
    ("P", "Sato", "sato@example.jp", "true", "east"),
    ("S", "Tanaka", "tanaka@example.jp", "true", "east"),
    ("T", "Suzuki", "suzuki@example.jp", "true", "west"),
    ("Q", "Kato", "kato@example.jp", "true", "west"),
    ("M", "Takahashi", "takahashi@example.jp", "true", ""),
    ("D", "Ito", "ito@example.jp", "true", ""),
    ("B", "Watanabe", "watanabe@example.jp", "true", ""),
    ("Y", "Yamamoto", "yamamoto@example.jp", "false", ""),
]


def write(folder: Path, name: str, rows: Sequence[Sequence[object]]) -> None:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sato has four customers: a key account, two with business, one quiet."""
    folder = tmp_path_factory.mktemp("company")
    (folder / "handover.toml").write_text(FILES, encoding="utf-8")
    (folder / "export").mkdir()
    export = folder / "export"
    write(folder, "people.csv", PEOPLE)
    write(export, "users.csv", USERS)
    write(
        export,
        "accounts.csv",
        [
            ("id", "name", "owner_id", "customer_class", "region", "closed_days"),
            ("A1", "Aoba", "P", "重要顧客", "east", ""),
            ("A2", "Wakaba", "P", "一般", "east", "Tue"),
            ("A3", "Midori", "P", "一般", "west", ""),
            ("A4", "Sakura", "P", "一般", "west", ""),
            ("A9", "Momiji", "Q", "一般", "west", ""),
        ],
    )
    write(
        export,
        "contacts.csv",
        [
            ("id", "account_id", "name", "owner_id", "phone", "is_decision_maker"),
            *(
                (
                    f"C{n}{kind}",
                    f"A{n}",
                    f"山田 {n}{kind}",
                    "P",
                    f"03-1234-567{n}",
                    boss,
                )
                for n in (1, 2, 3, 4)
                for kind, boss in (("a", "false"), ("b", "true"))
            ),
            ("C9", "A9", "田村", "P", "03-1234-5699", "false"),
        ],
    )
    write(
        export,
        "opportunities.csv",
        [
            ("id", "account_id", "owner_id", "name", "is_closed", "is_won", "amount"),
            ("O2", "A2", "P", "更新", "false", "false", "1000"),
            ("O3", "A3", "P", "新設", "false", "false", "2000"),
            ("O4", "A4", "Q", "他の担当の商談", "true", "false", "9"),
            ("O8", "", "P", "お客様のない商談", "false", "false", "5"),
            ("O9", "A9", "P", "他の担当のお客様", "false", "false", "5"),
        ],
    )
    write(
        export,
        "activities.csv",
        [
            ("id", "owner_id", "kind", "is_done", "happened_at", "due", "account_id"),
            *(
                (f"V{n}", "P", "visit", "true", "2027-02-20", "", f"A{n}")
                for n in (1, 2)
            ),
            ("V3", "P", "visit", "true", "2027-02-20", "", "A3"),
            ("V4", "P", "visit", "true", "2027-02-20", "", "A4"),
            ("T1", "P", "task", "false", "", "2027-03-10", "A1"),
            ("T9", "P", "task", "false", "", "2027-03-10", "A9"),
        ],
    )
    sync(folder)
    return folder


def sync(folder: Path) -> None:
    config = ("-c", str(folder / "handover.toml"))
    assert run(root, ("sync", "-q", *config, *TODAY), {}) == 0


@pytest.fixture
def company(folder: Path, template: Path) -> Path:
    """A synced company of one's own."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def plan(company: Path, cli: Cli) -> Cli:
    """Run `handover plan` on the synced company."""

    def call(*words: str) -> Ended:
        return cli("plan", *words, *TODAY, "--json")

    return call


NEW = ("new", "--from", "Sato", "--to", "Tanaka")


def rows_of(ended: Ended) -> dict[str, dict[str, Any]]:
    return {row["account_id"]: row for row in ended.data["plan"]["rows"]}


def submitted(plan: Cli) -> str:
    """Draw up Sato's plan, decide what is open, and submit it."""
    key: str = plan(*NEW).data["plan"]["id"]
    loose = ("--loose", "opportunities=transfer")
    assert plan("edit", key, "--no-attend", "rest", *loose, "--as", "M").code == 0
    assert plan("submit", key, "--as", "P").code == 0
    return key


# Drawing up.


def test_a_plan_is_drawn_up_in_one_command(plan: Cli) -> None:
    ended = plan(*NEW)
    assert (ended.code, ended.json["schema"]) == (0, "handover.plan/1")
    made = ended.data["plan"]
    assert ended.data["plans"] == [made]
    assert ended.data["reorganisation"] is None
    assert made["id"] == "2027-03-sato-tanaka"
    assert (made["predecessor"], made["successors"], made["manager"]) == (
        "P",
        ["S"],
        "M",
    )
    assert (made["state"], made["version"], made["author"]) == ("draft", 1, None)
    rows = rows_of(ended)
    assert {a: (row["mode"], row["reasons"]) for a, row in rows.items()} == {
        "A1": ("meet", ["M1"]),
        "A2": ("meet", ["M3"]),
        "A3": ("meet", ["M3"]),
        "A4": ("inform", []),
    }
    assert rows["A3"]["opportunities"] == [
        {"id": "O3", "action": "transfer", "until": None}
    ]
    assert rows["A2"]["value"] == 1000
    assert rows["A2"]["visit"]["date"] != "2027-03-02"
    assert rows["A1"]["visit"]["contact_ids"] == ["C1b", "C1a"]
    assert rows["A1"]["co_attendance"] == "undecided"


def test_what_hangs_on_no_customer_of_his_is_listed(plan: Cli) -> None:
    loose = plan(*NEW).data["plan"]["loose"]
    assert [(each["object"], each["id"], each["action"]) for each in loose] == [
        ("opportunities", "O8", None),
        ("opportunities", "O9", None),
        ("contacts", "C9", "leave"),
        ("activities", "T9", "leave"),
    ]


def test_rules_that_nothing_is_mapped_for_are_named(plan: Cli) -> None:
    warnings = plan(*NEW).json["warnings"]
    assert {each["message"].split()[1] for each in warnings} == {"S1", "S2", "S5"}
    assert {each["code"] for each in warnings} == {"rule_unmapped"}


def test_drawing_up_again_replaces_the_draft(plan: Cli) -> None:
    first = plan(*NEW).data["plan"]
    second = plan(*NEW).data["plan"]
    assert (second["id"], second["version"]) == (first["id"], 2)
    assert second["fingerprint"] == first["fingerprint"]


def test_a_period_that_is_too_short_is_refused_and_the_draft_is_kept(plan: Cli) -> None:
    short = ("--start", "2027-03-02", "--end", "2027-03-02")
    ended = plan(*NEW, *short)
    assert (ended.code, ended.json["error"]["code"]) == (5, "period_too_short")
    made = ended.data["plan"]
    assert made["minimum_days"] == 2
    assert made["minimum_end"] == "2027-03-03"
    assert [each["account_id"] for each in made["overflow"]] == ["A2"]
    assert {each["code"] for each in made["options"]} >= {"longer_period"}
    assert plan("show", made["id"]).data["plan"] == made
    again = plan(*NEW, "--start", "2027-03-02", "--end", made["minimum_end"])
    assert again.code == 0


def test_an_account_in_another_open_plan_is_refused(plan: Cli) -> None:
    submitted(plan)
    ended = plan(*NEW)
    assert (ended.code, ended.json["error"]["code"]) == (5, "already_planned")


def test_after_a_voided_plan_the_next_one_has_an_id_of_its_own(plan: Cli) -> None:
    key = submitted(plan)
    assert plan("void", key, "--reason", "取りやめ", "--as", "M").code == 0
    assert plan(*NEW).data["plan"]["id"] == f"{key}-2"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--from", "Sato", "--to", "Nobody"), 2, "unknown_name"),
        (("--from", "Sato", "--to", "Yamamoto"), 5, "inactive_successor"),
        (("--from", "Sato", "--to", "Sato"), 2, "same_user"),
        (("--from", "Suzuki", "--to", "Tanaka"), 2, "no_manager"),
        (("--from", "Tanaka", "--to", "Suzuki"), 2, "nothing_owned"),
        (("--from", "Sato"), 2, "usage"),
        (("--from", "Sato", "--to", "Tanaka", "--moves", "moves.csv"), 2, "usage"),
        (
            (*NEW[1:], "--start", "2027-03-09", "--end", "2027-03-08"),
            2,
            "bad_period",
        ),
    ],
)
def test_what_cannot_be_planned_says_why(
    plan: Cli, words: tuple[str, ...], code: int, error: str
) -> None:
    ended = plan("new", *words)
    assert (ended.code, ended.json["error"]["code"]) == (code, error)
    assert plan("list").data["plans"] == []


def test_no_manager_names_the_file_to_fill(plan: Cli) -> None:
    error = plan("new", "--from", "Suzuki", "--to", "Tanaka").json["error"]
    assert "people.csv" in error["message"] + error["hint"]


def test_before_any_sync_there_is_nothing_to_plan(folder: Path, cli: Cli) -> None:
    ended = cli("plan", *NEW, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "no_generation")


def test_a_predecessor_who_has_left_is_absent(plan: Cli, company: Path) -> None:
    users = [(*user[:3], "false" if user[0] == "P" else user[3]) for user in USERS[1:]]
    write(company / "export", "users.csv", [USERS[0][:4], *users])
    sync(company)
    ended = plan(*NEW)
    made, rows = ended.data["plan"], rows_of(ended)
    assert made["absent"] is True
    assert rows["A1"]["co_attendance"] == "yes"
    assert rows["A1"]["visit"]["attendees"] == ["S", "M"]
    held = plan(
        "edit", made["id"], "--hold", "A2", "--until", "2027-06-01", "--as", "M"
    )
    assert (held.code, held.json["error"]["code"]) == (5, "hold_inactive_owner")


# A reorganisation.


def test_moves_make_one_plan_for_each_predecessor(plan: Cli, company: Path) -> None:
    write(
        company,
        "moves.csv",
        [
            ("predecessor", "account", "successor", "effective"),
            ("Sato", "Aoba", "Tanaka", "2027-04-01"),
            ("Sato", "Wakaba", "Suzuki", ""),
            ("Kato", "*", "Sato", ""),
        ],
    )
    ended = plan("new", "--moves", "moves.csv")
    assert ended.code == 0
    assert ended.data["reorganisation"] == "2027-03-moves"
    assert "plan" not in ended.data
    assert [made["predecessor"] for made in ended.data["plans"]] == ["P", "Q"]
    rows = {r["account_id"]: r for each in ended.data["plans"] for r in each["rows"]}
    assert (rows["A1"]["successor_id"], rows["A1"]["effective"]) == ("S", "2027-04-01")
    assert rows["A2"]["successor_id"] == "T"
    assert (rows["A3"]["mode"], rows["A3"]["reasons"]) == ("exclude", ["M3", "X"])
    assert rows["A9"]["successor_id"] == "P"
    visits = sorted(
        (visit["date"], visit["start"], visit["end"])
        for visit in (row["visit"] for row in rows.values())
        if visit and "P" in visit["attendees"]
    )
    assert len(visits) == 3
    for (day, _, end), (next_day, start, _) in pairwise(visits):
        assert (day, end) < (next_day, start)


def test_absences_and_closed_days_are_kept_free(plan: Cli, company: Path) -> None:
    absent = ("absent_from", "absent_to")
    rows = [(*line, "", "") for line in PEOPLE[1:]]
    rows[1] = (*PEOPLE[2], "2027-03-02", "2027-03-04")
    write(company, "people.csv", [(*PEOPLE[0], *absent), *rows])
    with (company / "handover.toml").open("a", encoding="utf-8") as file:
        file.write('[calendar]\nclosed = ["2027-03-05", "2027-03-08/2027-03-09"]\n')
    ended = plan(*NEW)
    dates = {r["visit"]["date"] for r in rows_of(ended).values() if r["visit"]}
    assert dates == {"2027-03-10"}
    assert ended.data["plan"]["minimum_days"] == 4


@pytest.mark.parametrize(
    "lines",
    [
        [("account", "successor")],
        [("predecessor", "account", "successor"), ("Sato", "", "Tanaka")],
        [
            ("predecessor", "account", "successor", "effective"),
            ("Sato", "A1", "Tanaka", "soon"),
        ],
        [
            ("predecessor", "account", "successor"),
            ("Sato", "A1", "Tanaka"),
            ("Sato", "A1", "Suzuki"),
        ],
        [("predecessor", "account", "successor")],
    ],
    ids=["no predecessor", "no account", "no date", "twice", "empty"],
)
def test_a_list_of_moves_with_mistakes_is_refused(
    plan: Cli, company: Path, lines: list[tuple[str, ...]]
) -> None:
    write(company, "moves.csv", lines)
    ended = plan("new", "--moves", "moves.csv")
    assert (ended.code, ended.json["error"]["code"]) == (2, "bad_moves")


def test_moves_name_only_what_the_predecessor_owns(plan: Cli, company: Path) -> None:
    lines = [("predecessor", "account", "successor"), ("Sato", "Momiji", "Tanaka")]
    write(company, "moves.csv", lines)
    ended = plan("new", "--moves", "moves.csv")
    assert (ended.code, ended.json["error"]["code"]) == (2, "not_owned")


# Deciding.


def test_the_way_to_approval(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    refused = plan("submit", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (
        5,
        "co_attendance_undecided",
    )
    plan("edit", key, "--attend", "Aoba", "--as", "M")
    refused = plan("submit", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "loose_undecided")
    plan("edit", key, "--loose", "opportunities=transfer", "--as", "P")
    done = plan("submit", key, "--as", "P")
    assert (done.code, done.data["plan"]["state"]) == (0, "submitted")
    refused = plan("approve", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "wrong_approver")
    done = plan("approve", key, "--as", "M")
    assert (done.code, done.data["plan"]["state"]) == (0, "approved")
    assert rows_of(done)["A1"]["visit"]["attendees"] == ["P", "S", "M"]


def test_a_decision_needs_a_person(plan: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    key = plan(*NEW).data["plan"]["id"]
    ended = plan("submit", key)
    assert (ended.code, ended.json["error"]["code"]) == (2, "no_decider")
    monkeypatch.setenv("HANDOVER_USER", "P")
    assert plan("edit", key, "--meet", "A4", "--reason", "要訪問").code == 0


def test_an_edit_after_the_approval_voids_it(plan: Cli) -> None:
    key = submitted(plan)
    before = plan("approve", key, "--as", "M").data["plan"]
    ended = plan("edit", key, "--meet", "Sakura", "--reason", "要訪問", "--as", "M")
    made = ended.data["plan"]
    assert (made["state"], made["version"]) == ("draft", before["version"] + 1)
    assert made["fingerprint"] != before["fingerprint"]
    assert made["author"] == "P"
    rows, old = rows_of(ended), {r["account_id"]: r for r in before["rows"]}
    for account in ("A1", "A2", "A3"):
        assert rows[account]["visit"] == old[account]["visit"]
    assert rows["A4"]["visit"] is not None


def test_the_manager_amends_while_approving(plan: Cli) -> None:
    key = submitted(plan)
    ended = plan(
        "approve",
        key,
        *("--meet", "Sakura", "--inform", "Midori", "--attend", "Aoba"),
        *("--reason", "重要な案件があるため", "--as", "M"),
    )
    made, rows = ended.data["plan"], rows_of(ended)
    assert (ended.code, made["state"], made["author"]) == (0, "approved", "P")
    assert (rows["A4"]["mode"], rows["A3"]["mode"]) == ("meet", "inform")
    assert rows["A3"]["reason"] == "重要な案件があるため"
    assert {change["account_id"] for change in ended.data["changes"]} <= {
        "A1",
        "A3",
        "A4",
    }
    shown = plan("show", key, "--changes").data
    assert shown["changes"] == ended.data["changes"]
    assert shown["drift"] == []


def test_an_amendment_that_leaves_something_open_is_not_approved(plan: Cli) -> None:
    key = submitted(plan)
    before = plan("show", key).data["plan"]
    ended = plan("approve", key, "--successor", "Aoba=Yamamoto", "--as", "M")
    assert (ended.code, ended.json["error"]["code"]) == (5, "inactive_successor")
    assert plan("show", key).data["plan"] == before


def test_the_hash_of_the_evidence_stands_on_the_page(
    plan: Cli, cli: Cli, company: Path
) -> None:
    key = submitted(plan)
    (company / "signed.pdf").write_bytes(b"signed")
    done = plan("approve", key, "--evidence", "signed.pdf", "--as", "D")
    assert done.data["plan"]["state"] == "approved"
    page = cli("plan", "show", key, "--format", "html").out
    assert "Ito (as delegate)" in page
    assert hashlib.sha256(b"signed").hexdigest()[:16] in page


def test_a_plan_is_rejected_and_goes_around_again(plan: Cli) -> None:
    key = submitted(plan)
    done = plan("reject", key, "--reason", "期間が短い", "--as", "M")
    assert done.data["plan"]["state"] == "rejected"
    again = plan("edit", key, "--date", "Aoba=2027-03-03", "--as", "P")
    assert again.data["plan"]["state"] == "draft"
    assert rows_of(again)["A1"]["visit"]["date"] == "2027-03-03"


EDITS = [
    (("--inform", "Midori", "--reason", "遠い"), "P", 5, "not_yours"),
    (("--attend", "Aoba"), "P", 5, "not_yours"),
    (("--meet", "Sakura", "--reason", "要訪問"), "Q", 5, "not_yours"),
    (("--meet", "Sakura"), "P", 2, "reason_needed"),
    (("--hold", "Midori"), "P", 2, "until_needed"),
    (("--hold", "Midori", "--until", "2027-02-01"), "P", 2, "bad_period"),
    (("--date", "Aoba=2027-03-06"), "P", 5, "date_not_free"),
    (("--date", "Aoba"), "P", 2, "bad_amendment"),
    (("--date", "Aoba=soon"), "P", 2, "bad_amendment"),
    (("--opportunity", "O2=keep"), "P", 2, "bad_amendment"),
    (("--opportunity", "O4=transfer"), "P", 2, "not_in_plan"),
    (("--loose", "orders=leave"), "P", 2, "bad_amendment"),
    (("--waive", "Aoba"), "M", 2, "bad_amendment"),
    (("--meet", "Momiji", "--reason", "要訪問"), "P", 2, "not_in_plan"),
    (("--meet", "Nowhere", "--reason", "要訪問"), "P", 2, "unknown_name"),
    (("--successor", "Aoba=Sato"), "P", 2, "same_user"),
    ((), "P", 2, "nothing_to_amend"),
]


def test_what_is_not_allowed_or_not_understood_changes_nothing(plan: Cli) -> None:
    key = submitted(plan)
    before = plan("show", key).data["plan"]
    for words, who, code, error in EDITS:
        ended = plan("edit", key, *words, "--as", who)
        assert (ended.code, ended.json["error"]["code"]) == (code, error), words
    assert plan("show", key).data["plan"] == before


def test_holds_and_opportunities_keep_their_dates(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    ended = plan(
        "edit",
        key,
        *("--hold", "Midori", "--until", "2027-06-30"),
        *("--opportunity", "O2=hold:2027-05-31", "--as", "P"),
    )
    rows = rows_of(ended)
    assert (rows["A3"]["mode"], rows["A3"]["effective"]) == ("hold", "2027-06-30")
    assert rows["A2"]["opportunities"] == [
        {"id": "O2", "action": "hold", "until": "2027-05-31"}
    ]


# Showing.


def test_the_list_has_no_rows(plan: Cli) -> None:
    key = submitted(plan)
    (listed,) = plan("list").data["plans"]
    assert (listed["id"], listed["state"]) == (key, "submitted")
    assert "rows" not in listed


def test_an_unknown_plan_names_the_nearest(plan: Cli) -> None:
    plan(*NEW)
    ended = plan("show", "2027-03-sato-tanake")
    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_name")
    assert "2027-03-sato-tanaka" in ended.json["error"]["message"]


def test_drift_is_shown_after_the_next_sync(plan: Cli, company: Path) -> None:
    key = plan(*NEW).data["plan"]["id"]
    file = company / "export" / "accounts.csv"
    text = file.read_text(encoding="utf-8")
    text = text.replace("A1,Aoba,P", "A1,Aoba,Q").replace("A9,Momiji,Q", "A9,Momiji,P")
    file.write_text(text, encoding="utf-8")
    sync(company)
    assert plan("show", key, "--changes").data["drift"] == [
        {"account_id": "A1", "owner_id": "Q", "expected": "P"},
        {"account_id": "A9", "owner_id": "P", "expected": None},
    ]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_view_speaks_both_languages(plan: Cli, cli: Cli, language: str) -> None:
    key = submitted(plan)
    common = ("--lang", language, *TODAY)
    shown = cli("plan", "show", key, *common)
    assert shown.code == 0
    assert "Aoba" in shown.out
    assert ("面会" in shown.out) is (language == "ja")
    for words in (("list",), ("show", key, "--changes")):
        assert cli("plan", *words, *common).code == 0
    edited = cli("plan", "edit", key, "--attend", "Aoba", "--as", "M", *common)
    assert {"ja": "あり", "en": "yes"}[language] in edited.out
    table = cli("plan", "show", key, "--format", "csv", *common)
    assert len(table.out.splitlines()) == 5


def test_days_in_json_are_iso_and_times_local(plan: Cli) -> None:
    visit = rows_of(plan(*NEW))["A1"]["visit"]
    assert dt.date.fromisoformat(visit["date"]) > dt.date(2027, 3, 1)
    start, end = map(dt.time.fromisoformat, (visit["start"], visit["end"]))
    assert dt.time(9, 30) <= start < end <= dt.time(18)
