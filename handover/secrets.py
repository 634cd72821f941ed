"""Secrets are references, never literals.

``env:NAME``, ``keyring:SERVICE/NAME`` or ``file:PATH``. A secret is looked
up when it is used and never appears in an error, a log line or argv.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from handover.errors import UsageProblem

KINDS = ("env", "keyring", "file")


class LiteralSecret(UsageProblem):
    """A secret stands in the configuration itself (``key``)."""

    code = "literal_secret"


class NoSecret(UsageProblem):
    """A reference leads nowhere (``key``, ``reference``, ``detail``)."""

    code = "no_secret"


class OpenSecret(UsageProblem):
    """Others may read the file (``key``, ``file``, ``mode``)."""

    code = "open_secret"


class ShortSecret(UsageProblem):
    """A secret is too short to be one (``key``, ``least``)."""

    code = "short_secret"


LEAST = 4
"""Characters of the shortest secret; what is shorter stands in many a word and number
of a CRM's replies, and would be taken out of them there."""


def is_reference(value: object) -> bool:
    """Tell whether a value of the configuration leads to a secret."""
    return isinstance(value, str) and value.partition(":")[0] in KINDS


def reveal(key: str, reference: str, base: Path, environ: Mapping[str, str]) -> str:
    """Look up a secret.

    Args:
        key: where the reference stands, for messages.
        reference: ``env:…``, ``keyring:…/…`` or ``file:…``.
        base: the folder that relative paths start from.
        environ: the process's environment.

    Raises:
        LiteralSecret: it is no reference.
        NoSecret: it leads nowhere.
        OpenSecret: its file may be read by others.
        ShortSecret: it has too few characters for one.
    """
    kind, _, name = reference.partition(":")
    if kind not in KINDS or not name:
        raise LiteralSecret(key=key)
    if kind == "env":
        found = environ.get(name)
    elif kind == "file":
        found = _from_file(key, base / name)
    else:
        found = _from_keyring(key, name)
    if not found:
        raise NoSecret(key=key, reference=reference, detail=kind)
    if len(found) < LEAST:
        raise ShortSecret(key=key, least=LEAST)
    return found


def _from_file(key: str, path: Path) -> str | None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if os.name == "posix" and mode & 0o077:
            raise OpenSecret(key=key, file=path, mode=f"{mode:o}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NoSecret(
            key=key, reference=f"file:{path}", detail=error.strerror or ""
        ) from None


def _from_keyring(key: str, name: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    service, _, user = name.partition("/")
    try:
        return keyring.get_password(service, user)
    except KeyringError as error:
        raise NoSecret(
            key=key, reference=f"keyring:{name}", detail=type(error).__name__
        ) from None
