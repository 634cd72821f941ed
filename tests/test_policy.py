"""The company's definition of the minimum: read, overlaid, refused, said in words."""

import re
import tomllib
from pathlib import Path

import pytest

from handover.errors import BadPolicy
from handover.i18n import words_for
from handover.policy import GROUPS, Policy
from handover.policy_file import BUILT_IN, load_policy
from tests.conftest import Cli, Ended


def written(folder: Path, text: str) -> Path:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refused(folder: Path, text: str) -> BadPolicy:
    with pytest.raises(BadPolicy) as caught:
        load_policy(written(folder, text))
    return caught.value


def said(error: BadPolicy, language: str = "en") -> str:
    sentence = words_for(language).error(error.code, error.params)
    assert sentence is not None
    return f"{sentence.what}\n{sentence.why}\n{sentence.remedy}"


def test_the_built_in_policy_asks_nineteen_items_in_five_groups() -> None:
    policy = load_policy()

    assert len(policy.enabled) == 19
    assert {item.group for item in policy.enabled} == set(GROUPS)


def test_equipment_and_problems_ship_switched_off() -> None:
    own = [item for item in load_policy().items if item.is_own]

    assert [(item.code, item.enabled) for item in own] == [
        ("organisation.equipment", False),
        ("organisation.problems", False),
    ]


def test_a_company_states_only_what_differs(tmp_path: Path) -> None:
    policy = load_policy(
        written(
            tmp_path,
            """
            version = "2027-04"
            [audit]
            recent_days = 120
            [[item]]
            code = "contacts.preference"
            enabled = false
            [[item]]
            code = "organisation.licences"
            level = "must"
            columns = ["accounts.extra_licences"]
            """,
        )
    )
    codes = {item.code: item for item in policy.enabled}

    assert policy.version == "2027-04"
    assert (policy.audit.recent_days, policy.audit.recent_days_key) == (120, 90)
    assert "contacts.preference" not in codes
    assert codes["organisation.licences"].group == "organisation"
    assert codes["organisation.licences"].level == "must"
    assert [item.code for item in policy.items][-1] == "organisation.licences"


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load_policy(written(tmp_path, "")).hash == load_policy().hash


def test_the_hash_follows_the_content_and_not_the_spelling(tmp_path: Path) -> None:
    one = load_policy(written(tmp_path, "[audit]\nrecent_days = 120\n"))
    same = load_policy(written(tmp_path, "# half a year\n[audit]\nrecent_days=120"))
    other = load_policy(written(tmp_path, "[audit]\nrecent_days = 121\n"))

    assert one.hash == same.hash
    assert len({one.hash, other.hash, load_policy().hash}) == 3


def test_word_lists_are_compared_as_recorded_texts_are() -> None:
    words = load_policy().placeholders.words

    assert "n/a" in words
    assert "ダミー" in words
    assert all(word == word.casefold() for word in words)


def test_a_misspelt_key_names_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    error = refused(tmp_path, "# rules\n[transfer]\nmax_account = 3\n")

    assert "policy.toml の 3 行目 [transfer] max_account は使えません。" in said(
        error, "ja"
    )
    assert "max_accounts のことですか。" in said(error, "ja")


@pytest.mark.parametrize("group", GROUPS)
def test_no_group_can_be_removed(group: str, tmp_path: Path) -> None:
    items = tomllib.loads(BUILT_IN.read_text("utf-8"))["item"]
    off = [
        f'[[item]]\ncode = "{item["code"]}"\nenabled = false'
        for item in items
        if item["group"] == group
    ]

    assert group in said(refused(tmp_path, "\n".join(off)))


def test_a_group_of_the_companys_own_is_refused(tmp_path: Path) -> None:
    error = refused(
        tmp_path, '[[item]]\ncode = "finance.limit"\ncolumns = ["accounts.extra_limit"]'
    )

    assert "finance" in said(error)
    assert "organisation" in said(error)


def test_a_group_without_weight_would_be_a_group_removed(tmp_path: Path) -> None:
    assert "[weights] contacts" in said(refused(tmp_path, "[weights]\ncontacts = 0"))


@pytest.mark.parametrize(
    ("text", "key", "line", "words"),
    [
        ("versoin = 'x'", "[versoin]", 1, "version"),
        ("[audit]\n\nstale_is_ready = 'maybe'", "[audit] stale_is_ready", 3, "true"),
        ("[audit]\nrecent_days = -1", "[audit] recent_days", 2, "0"),
        ("[plan]\nslack = 1.0", "[plan] slack", 2, "1.0"),
        ("[plan]\nvisits = 'five'", "[plan] visits", 2, "five"),
        ("[transfer]\nrequire = 'nothing'", "[transfer] require", 2, "acceptance"),
        ("[plan]\nday = ['9-12']", "[plan] day", 2, "9-12"),
        ("[plan]\nvisits = 80", "[plan] visits", 2, "at most 12"),
        ("[plan]\npeople = 80", "[plan] people", 2, "at most 20"),
        ("[plan]\nvisit_base = 5", "[plan] visit_base", 2, "at least 10"),
        ("[plan]\nvisit_key = 9", "[plan] visit_key", 2, "at least 10"),
        ("[plan]\nvisit_online = 0", "[plan] visit_online", 2, "at least 10"),
        ("[plan]\nminutes = 481", "[plan] minutes", 2, "480"),
        (
            "[plan]\nday = ['13:00-18:00']\nminutes = 301",
            "[plan] minutes",
            3,
            "300",
        ),
        ("[plan\n", "", 1, "TOML"),
        ("item = 1", "[[item]]", 1, "[[item]]"),
        ("audit = 1", "[audit]", 1, "table"),
        ("[[item]]\nlevel = 'must'", "[[item]]", 1, "code"),
        (
            '[[item]]\ncode = "contacts.person"\nlevl = "should"',
            "[[item]] contacts.person levl",
            3,
            "level",
        ),
        (
            '[[item]]\ncode = "contacts.person"\nlevel = "nice"',
            "[[item]] contacts.person level",
            3,
            "should",
        ),
        (
            '[[item]]\ncode = "contacts.person"\ncolumns = ["accounts.extra_x"]',
            "[[item]] contacts.person columns",
            3,
            "contacts.person",
        ),
        (
            '[[item]]\ncode = "contacts.pet"\ncolumns = ["accounts.pet"]',
            "[[item]] contacts.pet columns",
            3,
            "accounts.extra_pet",
        ),
        ('[[item]]\ncode = "contacts.pet"', "[[item]] contacts.pet", 2, "columns"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    text: str, key: str, line: object, words: str, tmp_path: Path
) -> None:
    error = refused(tmp_path, text)

    assert error.exit_code == 2
    assert (error.params["key"], error.params["line"]) == (key, line)
    assert words in said(error)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy) as caught:
        load_policy(tmp_path / "rules.toml")

    assert "rules.toml" in said(caught.value)


SECTIONS = (
    *("audit", "placeholders", "weights", "classes"),
    *("plan", "meeting", "transfer", "tasks"),
)


def rule_keys(policy: Policy) -> set[str]:
    return {
        f"{section}.{key}"
        for section in SECTIONS
        for key in getattr(policy, section).model_dump()
    }


def test_every_rule_has_words() -> None:
    policy = load_policy()
    for language in ("ja", "en"):
        words = words_for(language)
        for key in rule_keys(policy):
            assert words.has(f"policy:{key}"), (language, key)
        for item in policy.items:
            assert words.has(f"item-rule:{item.code}"), (language, item.code)


def test_policy_show_says_every_rule_in_words(cli: Cli) -> None:
    shown = cli("policy", "show")
    data = cli("policy", "show", "--json").data

    assert "at most 90 days old" in shown.out
    assert not re.search(r"\bR\d+\b", shown.out)
    assert len(data["items"]) == len(load_policy().items)
    assert {rule["rule"] for rule in data["rules"]} == rule_keys(load_policy())


def codes(ended: Ended) -> list[str]:
    """List the warnings, but for the one that every rehearsal gives."""
    found = [warning["code"] for warning in ended.json["warnings"]]
    return [code for code in found if code != "rehearsal"]


def test_policy_check_warns_of_too_many_must_items(cli: Cli, folder: Path) -> None:
    untouched = cli("policy", "check", "--json")
    assert (untouched.code, codes(untouched)) == (0, [])
    many = cli("policy", "check", "--max-items", "12", "--json")
    written(folder, '[[item]]\ncode = "interactions.requests"\nlevel = "should"\n')
    with (folder / "handover.toml").open("a", encoding="utf-8") as file:
        file.write('[policy]\nfile = "policy.toml"\n')
    fewer = cli("policy", "check", "--max-items", "12", "--json")

    assert codes(many) == ["many_items"]
    assert many.data["minutes_per_account"] > fewer.data["minutes_per_account"] > 0
    assert (many.code, fewer.code, codes(fewer)) == (0, 0, [])


def test_a_bad_policy_ends_every_command_that_needs_it(cli: Cli, folder: Path) -> None:
    written(folder, "[transfer]\nmax_account = 3\n")
    with (folder / "handover.toml").open("a", encoding="utf-8") as file:
        file.write('[policy]\nfile = "policy.toml"\n')

    ended = cli("policy", "check", "--json")

    assert ended.code == 2
    assert ended.json["error"]["code"] == "bad_policy"
    assert "max_accounts" in ended.json["error"]["message"]


def test_ways_between_two_places_may_take_a_time_of_their_own(tmp_path: Path) -> None:
    own = '[plan.travel]\n"東京都 - 福岡県" = 240\n'
    assert load_policy(written(tmp_path, own)).plan.travel == {"東京都 - 福岡県": 240}
    error = refused(tmp_path, '[plan.travel]\n"福岡県" = 240\n')
    assert "福岡県" in said(error)
    assert "東京都 - 福岡県" in said(error)
