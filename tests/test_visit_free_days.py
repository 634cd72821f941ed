"""Days that the policy keeps free of visits, on the command line."""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.worlds.planning_folder import NEW, planning_in


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    call = planning_in(folder, planning_files, cli)
    policy = '[plan]\nmonth_end = 2\nquarter_end = 3\nblackouts = ["2027-03-12"]\n'
    (folder / "policy.toml").write_text(policy, encoding="utf-8")
    config = folder / "handover.toml"
    said = config.read_text(encoding="utf-8")
    text = f'{said}[policy]\nfile = "policy.toml"\n'
    config.write_text(text, encoding="utf-8")
    return call


REFUSED = {
    "2027-03-12": "blackouts",
    "2027-03-29": "last 3 working days of a quarter",
    "2027-04-28": "last 2 working days of a month",
    "2027-03-13": "no working day of the company",
}
"""The days on which nobody is visited, each with what keeps it free."""


def test_a_refused_day_is_refused_with_the_rule_that_keeps_it_free(
    plan: Cli, cli: Cli
) -> None:
    made = plan(*NEW, "--end", "2027-05-31").data["plan"]
    visits = {r["account_id"]: r["visit"]["date"] for r in made["rows"] if r["visit"]}
    assert not REFUSED.keys() & set(visits.values())
    account = next(iter(visits))
    for day, cause in REFUSED.items():
        date = ("--date", f"{account}={day}", "--as", "M", "--lang", "en")
        ended = cli("plan", "edit", made["id"], *date, "--as-of", "2027-03-01")
        assert ended.code == 5
        assert cause in " ".join(ended.err.split())


def test_the_rule_is_shown_in_words(plan: Cli, cli: Cli) -> None:
    assert plan("list").code == 0
    shown = " ".join(cli("policy", "show", "--lang", "en").out.split())
    assert "No visits on the last 3 working days of a quarter" in shown
    assert "月末の最後の 2 営業日" in cli("policy", "show", "--lang", "ja").out
