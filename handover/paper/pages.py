"""HTML pages: one file each, no network, no script, readable in print.

Templates stand beside the nouns they show; ``style.css`` is written into each page, and
a policy in the page itself forbids it to load anything.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from handover.i18n import Words
from handover.paper import dates, svg
from handover.safe_text import plain, web_link

FOLDER = Path(__file__).parent


def page(template: Path, words: Words, /, **context: object) -> str:
    """Render a template of some noun in the user's language.

    The template extends ``skeleton.html`` and finds ``_`` (words), ``day``,
    ``short_day``, ``number``, ``money`` in the language, and ``svg``. What it prints is
    made plain and escaped; ``web_link`` leaves of an address only what may be linked.
    The context has ``mark``, which stands on top and on each sheet of paper where it is
    filled.
    """
    environment = _environment(template.parent)
    language = words.language
    tools: Mapping[str, Any] = {
        "_": words,
        "language": language,
        "style": (FOLDER / "style.css").read_text(encoding="utf-8"),
        "svg": svg,
        "day": lambda date: dates.day(date, language),
        "short_day": lambda date: dates.short_day(date, language),
        "number": lambda value, digits=0: dates.number(value, language, digits),
        "money": lambda value, currency: dates.money(value, currency, language),
    }
    return environment.get_template(template.name).render(**tools, **context)


@cache
def _environment(folder: Path) -> Environment:
    loader: BaseLoader = FileSystemLoader([folder, FOLDER])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters["web_link"] = web_link
    return environment


def _plain(value: object) -> object:
    """Make what a template prints plain; it is escaped after that."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return plain(str(value)) if is_text else value
