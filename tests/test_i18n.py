import ast
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from connectors.errors import ConnectorError
from handover.errors import HandoverError
from handover.i18n import LANGUAGES, LOCALE, Phrase, chosen_language, words_for
from mappings.errors import MappingError

ROOT = Path(__file__).resolve().parents[1]
AREAS = sorted({po.stem for po in LOCALE.glob("*/LC_MESSAGES/*.po")} - {"messages"})


def subclasses(base: type[object]) -> Iterator[type[object]]:
    yield base
    below: list[type[object]] = base.__subclasses__()
    for one in below:
        yield from subclasses(one)


def codes() -> list[str]:
    """Collect the codes of all errors; modules outside migrations are imported."""
    for package in ("connectors", "mappings", "handover"):
        path = import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if ".migrations" not in module.name:
                import_module(module.name)
    found = {
        code
        for base in (HandoverError, ConnectorError, MappingError)
        for error in subclasses(base)
        if error.__module__.partition(".")[0] in {"connectors", "handover", "mappings"}
        and isinstance(code := getattr(error, "code", None), str)
    }
    return sorted(found)


def catalogue(language: str, area: str) -> dict[str, str]:
    path = LOCALE / language / "LC_MESSAGES" / f"{area}.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    return {str(m.id): str(m.string) for m in entries if m.id}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_error_says_what_why_and_what_to_do(language: str) -> None:
    words = words_for(language)
    all_codes = codes()
    assert len(all_codes) > 80
    lacking = [
        code
        for code in all_codes
        if (told := words.error(code, {})) is None
        or not (told.what and told.why and told.remedy)
    ]
    assert lacking == []


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_ask_for_the_same_parameters(area: str) -> None:
    english, japanese = catalogue("en", area), catalogue("ja", area)
    differing = [
        key
        for key, text in japanese.items()
        if fields(text) != fields(english.get(key, key))
    ]
    assert differing == []


@pytest.mark.parametrize("area", AREAS)
def test_each_coded_sentence_stands_in_both_languages(area: str) -> None:
    coded = re.compile(r"(error|warning):")
    english, japanese = (
        {key for key in catalogue(language, area) if coded.match(key)}
        for language in ("en", "ja")
    )
    assert english == japanese


@pytest.mark.parametrize("area", [*AREAS, "messages"])
def test_no_sentence_is_left_untranslated(area: str) -> None:
    for language in LANGUAGES:
        assert [k for k, text in catalogue(language, area).items() if not text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_stands_in_one_catalogue_file_only(language: str) -> None:
    areas = [*AREAS, "messages"]
    found = Counter(key for area in areas for key in catalogue(language, area))
    assert [key for key, times in found.items() if times > 1] == []


def in_python(file: Path) -> Iterator[object]:
    """Find what is said: ``words("...")`` and ``Phrase(text="...")``."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in {"words", "_"}:
                yield from (getattr(text, "value", None) for text in node.args[:1])
            elif name == "Phrase":
                yield from (
                    getattr(k.value, "value", None)
                    for k in node.keywords
                    if k.arg == "text"
                )


def in_pages(file: Path) -> Iterator[object]:
    for _, text, _, _ in extract_from_file(
        "jinja2.ext.babel_extract", file, keywords={"_": None}
    ):
        yield text


def extracted() -> set[str]:
    folder = ROOT / "handover"
    found = [t for file in folder.rglob("*.py") for t in in_python(file)]
    found += [t for file in folder.rglob("*.html") for t in in_pages(file)]
    return {text for text in found if isinstance(text, str) and text}


def test_each_text_of_the_code_has_its_japanese() -> None:
    known = {key for area in [*AREAS, "messages"] for key in catalogue("ja", area)}
    texts = extracted()
    assert len(texts) > 100
    assert sorted(texts - known) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_can_be_shown_on_a_japanese_windows_console(
    language: str,
) -> None:
    said = "".join(t for area in AREAS for t in catalogue(language, area).values())
    unknown = {c for c in said if not c.encode("cp932", "ignore")}
    assert unknown == set()


def test_a_phrase_among_the_parameters_is_translated_too() -> None:
    path = Phrase(text="Run: chmod 700 {path}", params={"path": "x"})
    said = words_for("ja")("{source}: {name} was made", source="files", name=path)
    assert said == "files: 実行してください: chmod 700 x を作成しました"


def test_an_unknown_code_has_no_words() -> None:
    assert words_for("ja").error("no_such_code", {}) is None


@pytest.mark.parametrize(
    ("wishes", "environ", "language"),
    [
        (("ja", "en"), {"LANG": "en_US.UTF-8"}, "ja"),
        ((None, "en"), {"LANG": "ja_JP.UTF-8"}, "en"),
        ((None, None), {"LC_ALL": "ja_JP.UTF-8", "LANG": "en_US"}, "ja"),
        ((None,), {"LANG": "C.UTF-8"}, "en"),
        (("fr",), {"LANG": "ja_JP.UTF-8"}, "ja"),
        ((), {}, "en"),
    ],
)
def test_the_first_language_that_we_speak_is_taken(
    wishes: tuple[str | None, ...], environ: dict[str, str], language: str
) -> None:
    assert chosen_language(*wishes, environ=environ) == language
