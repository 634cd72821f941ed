"""Which language a command line is answered in, known before anything else is."""

import tomllib
from collections.abc import Mapping, Sequence

from handover.i18n import chosen_language


def language_for(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Choose: ``--lang``, ``HANDOVER_LANG``, the configuration, the system's."""
    config = _after(argv, "-c", "--config") or environ.get("HANDOVER_CONFIG")
    return chosen_language(
        _after(argv, "--lang"),
        environ.get("HANDOVER_LANG"),
        _configured(config or "handover.toml"),
        environ=environ,
    )


def _after(argv: Sequence[str], *names: str) -> str | None:
    for n, word in enumerate(argv):
        if word in names:
            return argv[n + 1] if n + 1 < len(argv) else None
        for name in names:
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return None


def _configured(file: str) -> str | None:
    """Look into the configuration; what is wrong with it is told by who needs it."""
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - pathlib is slow to import
            found = tomllib.load(opened).get("language")
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, str) else None
