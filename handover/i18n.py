"""What users read, in Japanese and English.

The English text is its own key; sentences that have a code (errors, warnings) are kept
under ``error:<code>`` and ``warning:<code>`` in both languages. The catalogues are
gettext's, one per area, in ``locale/<language>/LC_MESSAGES``.
"""

import contextlib
import gettext
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePath

from connectors.disk import replace_file
from handover.errors import KnownError
from handover.safe_text import plain

LANGUAGES = ("en", "ja")
LOCALE = Path(__file__).parent / "locale"
CLICK_DOMAIN = "messages"
"""The domain in which click looks up its own words (``Usage:``, ``Options:`` ...)."""

_CODED = re.compile(r"[a-z_-]+:\S")


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A text with its parameters, to be put into words where the language is known."""

    text: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """An error in three parts: what happened, why, and what to do."""

    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why) if part)


class Words:
    """The words of one language: ``words("{n} of {total} ready", n=1, total=2)``."""

    def __init__(self, language: str) -> None:
        """Take a language of ``LANGUAGES``."""
        self.language = language

    def __call__(self, text: str, /, **params: object) -> str:
        """Translate a text and fill its fields; Phrases among them are translated."""
        found = self._find(text)
        return found.format(**self._spoken(params)) if params else found

    def has(self, key: str) -> bool:
        """Return whether a coded sentence (``warning:...``) is in the catalogue."""
        return self._find(key) != key

    def phrase(self, phrase: Phrase) -> str:
        """Return a phrase in words."""
        return self(phrase.text, **phrase.params)

    def sentence(self, error: KnownError) -> Sentence:
        """Return an error in words; one that no catalogue knows, in its own."""
        found = self.error(error.code, error.params)
        return found or Sentence(what=str(error), why="", remedy="")

    def error(self, code: str, params: Mapping[str, object]) -> Sentence | None:
        """Return an error in words; None where the catalogue does not know its code."""
        key = f"error:{code}"
        if not self.has(key):
            return None
        filled = self._find(key).format_map(_Lenient(self._spoken(params)))
        what, why, remedy = (*filled.split("\n"), "", "")[:3]
        return Sentence(what=what, why=why, remedy=remedy)

    def _find(self, text: str) -> str:
        if self.language == "en" and not _CODED.match(text):
            return text
        return _translations(self.language).gettext(text) if text else text

    def _spoken(self, params: Mapping[str, object]) -> dict[str, object]:
        return {name: self._said(value) for name, value in params.items()}

    def _said(self, value: object) -> object:
        """Return a parameter in words, where it has words of its own."""
        if isinstance(value, Phrase):
            return self.phrase(value)
        # Few parameters are errors, and asking for a protocol takes long.
        if isinstance(value, Exception) and isinstance(value, KnownError):
            return self.sentence(value)
        if isinstance(value, tuple):
            return " / ".join(str(self._said(each)) for each in value)
        # What fills a gap is data: it must neither end our line nor steer a terminal.
        if isinstance(value, str | PurePath | Exception):
            return plain(str(value))
        return value


class _Gap:
    """A parameter that an error did not bring, and each part of it."""

    def __getattr__(self, name: str) -> "_Gap":
        return self

    def __format__(self, spec: str) -> str:
        return "…"


class _Lenient(dict[str, object]):
    """Show a parameter that an error did not bring as a gap, not as a crash."""

    def __missing__(self, key: str) -> _Gap:
        return _Gap()


@cache
def words_for(language: str) -> Words:
    """Return the words of a language; an unknown one gets English."""
    return Words(language if language in LANGUAGES else "en")


def chosen_language(*wishes: str | None, environ: Mapping[str, str]) -> str:
    """Return the first wish that we speak, else the system's language, else English."""
    system = (environ.get("LC_ALL"), environ.get("LC_MESSAGES"), environ.get("LANG"))
    for wish in (*wishes, *system):
        language = (wish or "")[:2].lower()
        if language in LANGUAGES:
            return language
    return "en"


def speak_to_click(language: str) -> None:
    """Make click say its own words in our language.

    click asks gettext's global domain, which follows the environment.
    """
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(CLICK_DOMAIN, LOCALE)
    po = LOCALE / language / "LC_MESSAGES" / f"{CLICK_DOMAIN}.po"
    if po.exists() and not _is_fresh(po):
        with contextlib.suppress(OSError):  # a read-only folder: click speaks English
            write_compiled(po)


def compiled(po: Path) -> bytes:
    """Compile a catalogue to the form that gettext reads."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    buffer = io.BytesIO()
    with po.open("rb") as file:
        catalogue = read_po(file, locale=po.parent.parent.name, abort_invalid=True)
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def write_compiled(po: Path) -> Path:
    """Write the compiled catalogue beside its source, atomically."""
    target = po.with_suffix(".mo")
    replace_file(target, compiled(po))
    return target


@cache
def _translations(language: str) -> gettext.NullTranslations:
    folder = LOCALE / language / "LC_MESSAGES"
    first = gettext.NullTranslations()
    for stem in sorted({p.stem for p in folder.glob("*.[pm]o")}):
        first.add_fallback(_catalogue(folder / f"{stem}.po"))
    return first


def _catalogue(po: Path) -> gettext.GNUTranslations:
    content = po.with_suffix(".mo").read_bytes() if _is_fresh(po) else compiled(po)
    return gettext.GNUTranslations(io.BytesIO(content))


def _is_fresh(po: Path) -> bool:
    mo = po.with_suffix(".mo")
    if not mo.exists():
        return False
    return not po.exists() or mo.stat().st_mtime >= po.stat().st_mtime
