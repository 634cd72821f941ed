"""What a CRM does of its own accord is told before anything is written.

The golden texts stand in ``golden/side_effects``, one for each CRM, setting and
language.
"""

from pathlib import Path

import pytest
from rich.console import Console

from connectors.effects import SideEffect
from connectors.registry import side_effects
from connectors.salesforce.crm import open_org
from handover.i18n import LANGUAGES, words_for
from handover.plan.view import print_effects
from tests.conftest import Cli
from tests.worlds.files_folder import PLAN, PLANNED, build_approved
from tests.worlds.salesforce_folder import Desk, sitting

GOLDEN = Path(__file__).with_name("golden") / "side_effects"
SETTINGS: dict[str, tuple[str, dict[str, object]]] = {
    "salesforce": ("salesforce", {}),
    "salesforce-allow-duplicates": ("salesforce", {"allow_duplicates": True}),
    "hubspot": ("hubspot", {}),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_each_setting_has_its_words(setting: str, language: str) -> None:
    console = Console(width=400, markup=False)
    with console.capture() as capture:
        effects = side_effects(*SETTINGS[setting])
        print_effects(effects, words_for(language), console)
    golden = GOLDEN / f"{setting}.{language}.txt"
    shown = [line.rstrip() for line in capture.get().splitlines()]
    assert shown == golden.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_narrow_terminal_shows_every_word(language: str) -> None:
    console = Console(width=60, markup=False)
    with console.capture() as capture:
        effects = side_effects("salesforce", {})
        print_effects(effects, words_for(language), console)
    golden = GOLDEN / f"salesforce.{language}.txt"
    shown, whole = capture.get(), golden.read_text(encoding="utf-8")
    assert "".join(shown.split()) == "".join(whole.split())


def test_the_headers_that_are_told_are_those_that_are_sent() -> None:
    base = {"base_url": "https://x.example", "auth": "access_token", "token": "t"}
    for settings in ({}, {"allow_duplicates": True}):
        sent = open_org({**base, **settings}).org.headers
        told = [e.by for e in side_effects("salesforce", settings) if "Sforce" in e.by]
        assert told
        for header in told:
            name, _, value = header.partition(": ")
            assert sent[name] == value
        assert ("Sforce-Duplicate-Rule-Header" in sent) == bool(settings)


@pytest.mark.parametrize("kind", ["files", "unheard of"])
def test_files_do_nothing_of_their_own_accord(kind: str) -> None:
    assert side_effects(kind, {}) == ()


def test_a_plan_on_files_has_no_such_list(folder: Path, cli: Cli) -> None:
    job = build_approved(folder / "job")
    words = ("plan", "show", PLAN, "--as-of", PLANNED)
    ended = cli(*words, "--json", "-c", str(job / "handover.toml"))
    assert ended.data["side_effects"] == []
    shown = cli(*words, "-c", str(job / "handover.toml")).out
    assert "of its own accord" not in shown


def test_plan_page_and_dry_run_tell_what_concerns_them(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sitting(cli, folder, monkeypatch) as desk:
        plan = desk.approved_plan()
        told = desk.done("plan", "show", plan)["side_effects"]
        owners = desk.done("reassign", plan, "--early", "x", "--dry-run")
        tasks = desk.done("plan", "publish", plan, "--dry-run")
        shown = [_shown(desk, "plan", "show", plan)]
        shown += [_shown(desk, "reassign", plan, "--early", "x", "--dry-run")]
        shown += [_shown(desk, "plan", "show", plan, "--format", "html")]
        done = _shown(desk, "plan", "publish", plan)
    assert {one["of"] for one in told} == {"owner", "task"}
    assert owners["side_effects"] == [one for one in told if one["of"] == "owner"]
    assert tasks["side_effects"] == [one for one in told if one["of"] == "task"]
    assert set(told[0]) == {"code", "of", "happens", "by", "text"}
    for text in shown:
        assert "Sforce-Auto-Assign: FALSE" in text
    assert "of its own accord" not in done  # afterwards it is no news


def test_a_plan_is_shown_without_secrets_at_hand(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sitting(cli, folder, monkeypatch) as desk:
        plan = desk.approved_plan()
    monkeypatch.delenv("SF_SECRET")
    assert "Sforce-Auto-Assign" in _shown(desk, "plan", "show", plan)


def _shown(desk: Desk, *words: str) -> str:
    ended = desk.cli(*words, "--yes", "--as-of", "2027-03-01", "--as", "佐藤 健一")
    assert ended.code == 0, ended.err
    return ended.out


def test_a_connector_of_others_may_tell_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    effect = SideEffect(code="acme_bell_rings", of="owner", happens="yes")
    monkeypatch.setattr(
        "connectors.files.side_effects", lambda _settings: [effect], raising=False
    )
    assert side_effects("files", {}) == (effect,)
