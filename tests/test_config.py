from pathlib import Path

import pytest

from handover.config import NoConfig, find_config, load_config
from handover.errors import BadConfig
from handover.i18n import words_for


def write(folder: Path, text: str) -> Path:
    path = folder / "handover.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, ""))
    assert config.timezone == "Asia/Tokyo"
    assert config.data.keep_generations == 14
    assert config.money.currency == "JPY"
    assert config.calendar.fiscal_year_start == 4
    assert config.style.company == "御中"
    assert config.crm == {}


def test_paths_start_from_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, '[data]\nfolder = "store"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = load_config(path)
    assert config.data_folder == tmp_path / "store"
    assert config.path("people.csv") == tmp_path / "people.csv"


def test_a_file_written_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "handover.toml"
    path.write_bytes(b'\xef\xbb\xbflanguage = "ja"\r\n')
    assert load_config(path).language == "ja"


def test_a_missing_file_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(NoConfig) as caught:
        load_config(tmp_path / "handover.toml")
    assert (caught.value.code, caught.value.exit_code) == ("no_config", 2)


@pytest.mark.parametrize(
    ("text", "line", "key", "near"),
    [
        ('\nlangauge = "ja"\n', 2, "langauge", "language"),
        ('[data]\n\nfoldr = "x"\n', 3, "data.foldr", "folder"),
        ("[calender]\n", 1, "calender", "calendar"),
        ('[crm.file]\nfolder = "x"\n', 1, "crm.file", "files"),
        ('[mail]\nform = "x"\n', 2, "mail.form", "from"),
    ],
)
def test_an_unknown_key_is_named_with_its_line_and_the_nearest_one(
    tmp_path: Path, text: str, line: int, key: str, near: str
) -> None:
    with pytest.raises(BadConfig) as caught:
        load_config(write(tmp_path, text))
    params = caught.value.params
    assert (params["line"], params["key"]) == (line, key)
    assert near in str(params["detail"])


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('timezone = "Mars/Olympus"\n', 1, "timezone"),
        ("[data]\nkeep_generations = 1\n", 2, "data.keep_generations"),
        ('[money]\ncurrency = "yen"\n', 2, "money.currency"),
        ('[calendar]\nclosed = ["someday"]\n', 2, "calendar.closed"),
        ('[style]\ncompany = "殿"\n', 2, "style.company"),
        ('[crm.hubspot.rate]\nburst = "many"\n', 2, "crm.hubspot.rate.burst"),
        ('[crm.hubspot]\nportal_id = "1"\n', 2, "crm.hubspot.portal_id"),
        ('[crm.hubspot]\nbase_url = "http://a.example"\n', 2, "crm.hubspot.base_url"),
        (
            '[crm.salesforce]\nauth = "jwt"\nbase_url = "acme"\n',
            3,
            "crm.salesforce.base_url",
        ),
        (
            '[crm.salesforce]\nauth = "jwt"\nbase_url = "https://a"\nlogin_url = "b"\n',
            4,
            "crm.salesforce.login_url",
        ),
        ("[crm]\nsalesforce = 3\n", 2, "crm.salesforce"),
        ("crm = 3\n", 1, "crm"),
        ('[crm.files]\nfolder = "\\u0000"\n', 2, "crm.files.folder"),
        ('[data]\nfolder = ""\n', 2, "data.folder"),
        ('[people]\nfile = " "\n', 2, "people.file"),
        ('[crm.hubspot]\nbase_url = "https://[a"\n', 2, "crm.hubspot.base_url"),
        ('[calendar]\ncountry = "ZZ"\n', 2, "calendar.country"),
        ('[calendar]\nclosed = ["20261229"]\n', 2, "calendar.closed"),
        ('[calendar]\nclosed = ["2026-02-30"]\n', 2, "calendar.closed"),
        ('[calendar]\nclosed = ["2027-01-03/2026-12-29"]\n', 2, "calendar.closed"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, key: str
) -> None:
    with pytest.raises(BadConfig) as caught:
        load_config(write(tmp_path, text))
    assert (caught.value.params["line"], caught.value.params["key"]) == (line, key)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as caught:
        load_config(write(tmp_path, 'language = "ja"\nx = = 1\n'))
    assert caught.value.params["line"] == 2


def test_the_flag_wins_over_the_environment_and_that_over_the_folder() -> None:
    environ = {"HANDOVER_CONFIG": "b.toml"}
    assert find_config("a.toml", environ) == Path("a.toml")
    assert find_config(None, environ) == Path("b.toml")
    assert find_config(None, {}) == Path("handover.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('langage = "ja"', "language のことですか。"),
        ('language = "fr"', "'ja' or 'en' のどれか"),
        ('timezone = "Asia/Kyoto"', "Asia/Tokyo のことですか。"),
        ('[money]\ncurrency = "yen"', "yen という値はありません。"),
        ("[data]\nkeep_generations = 1", "3 以上にしてください。"),
        ('[data]\nkeep_runs_days = "long"', "long はここで使える数ではありません。"),
        ("[people]\nfile = 3", "引用符で囲んだ文字列"),
        ('[crm.salesforce]\nauth = "jwt"', "base_url がありません。"),
    ],
)
def test_a_mistake_is_explained_in_japanese(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(BadConfig) as caught:
        load_config(write(tmp_path, text))
    sentence = words_for("ja").error(caught.value.code, caught.value.params)
    assert sentence is not None
    assert said in sentence.why


def test_an_unknown_country_is_told_with_those_like_it(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as caught:
        load_config(write(tmp_path, '[calendar]\ncountry = "JQ"\n'))
    assert "JP" in str(caught.value.params["detail"])
    config = load_config(write(tmp_path, '[calendar]\ncountry = "FR"\n'))
    assert config.calendar.country == "FR"


SF_HERE = '[crm.salesforce]\nauth = "jwt"\nbase_url = "http://127.0.0.1:1"\n'


@pytest.mark.parametrize(
    "text",
    [
        "[crm.files]\n",
        '[crm.hubspot]\nbase_url = "http://localhost:1"\n',
        SF_HERE,
        f'{SF_HERE}login_url = "http://[::1]:2"\n[crm.files]\n',
    ],
)
def test_a_rehearsal_stays_on_this_machine(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, f"[time]\nrehearsal = true\n{text}")
    assert load_config(path).time.rehearsal
    assert not load_config(write(tmp_path, text)).time.rehearsal


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("[crm.hubspot]\n", "hubspot"),
        ('[crm.files]\n[crm.hubspot]\nbase_url = "https://10.0.0.1"\n', "hubspot"),
        (SF_HERE.replace("http://127.0.0.1:1", "https://acme.example"), "salesforce"),
        (f'{SF_HERE}login_url = "https://acme.example"\n', "salesforce"),
    ],
)
def test_a_rehearsal_that_would_reach_a_company_is_named_with_its_line(
    tmp_path: Path, text: str, source: str
) -> None:
    path = write(tmp_path, f"{text}[time]\nrehearsal = true\n")
    with pytest.raises(BadConfig) as caught:
        load_config(path)
    line = len(path.read_text(encoding="utf-8").splitlines())
    assert caught.value.params["line"] == line
    assert caught.value.params["key"] == "time.rehearsal"
    assert f"[crm.{source}]" in words_for("en").sentence(caught.value).why


@pytest.mark.parametrize("value", ["1", '"yes"'])
def test_a_rehearsal_is_true_or_false(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load_config(write(tmp_path, f"[time]\nrehearsal = {value}\n"))
    assert caught.value.params["line"] == 2
