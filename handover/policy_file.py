"""A company's policy file, laid over ours.

``policy.toml`` beside this module is complete; a company's own file overlays it, table
by table and item by item, and what is wrong in it is named with its line.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from handover.errors import BadPolicy
from handover.i18n import Phrase
from handover.mistakes import no_toml, unknown_key, unreadable, wrong_value
from handover.policy import GROUPS, OWN_COLUMN, Item, Policy
from mappings.toml_file import line_of, parse_toml, read_text

BUILT_IN = Path(__file__).with_name("policy.toml")


def load_policy(path: Path | None = None) -> Policy:
    """Read a company's policy over the built-in one; None is the built-in one alone.

    Raises:
        BadPolicy: it cannot be read, a key or value is wrong, or one of the five groups
            would be left without items; names file, line and key.
    """
    if path is None:
        return _built_in()
    text = ""
    try:
        text = _read(path)
        return _laid_over_ours(text)
    except _Mistake as mistake:
        line = mistake.line or line_of(text, mistake.keys, named_by="code") or ""
        raise BadPolicy(
            file=path.name,
            line=line,
            key=_shown(mistake.keys),
            place=Phrase(
                text="policy-mistake:line" if line else "policy-mistake:file",
                params={"file": path.name, "line": line},
            ),
            detail=mistake.detail,
        ) from mistake


# Policies are read again for every batch of a run, and hardly ever differ.


@cache
def _built_in() -> Policy:
    return Policy.model_validate(_ours())


@lru_cache(maxsize=4)
def _laid_over_ours(text: str) -> Policy:
    return _overlaid(_ours(), _parsed(text))


def _ours() -> dict[str, Any]:
    return tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))


class _Mistake(Exception):
    """What is wrong, and under which keys; an item stands as ``("item", code)``."""

    def __init__(
        self, keys: Sequence[str], detail: Phrase, *, line: int | None = None
    ) -> None:
        self.keys = tuple(keys)
        self.line = line
        self.detail = detail


def _rule(keys: Sequence[str], detail: str, **params: object) -> _Mistake:
    """Return the mistake of a rule of policies that is broken."""
    return _Mistake(keys, Phrase(text=f"policy-mistake:{detail}", params=params))


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _Mistake((), unreadable(error)) from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        line, detail = no_toml(error)
        raise _Mistake((), detail, line=line) from error


def _overlaid(built_in: Mapping[str, Any], own: Mapping[str, Any]) -> Policy:
    """Overlay ours with a company's content and check the outcome."""
    sections = {
        field.alias or name: field for name, field in Policy.model_fields.items()
    }
    merged = dict(built_in)
    for name, content in own.items():
        _known(name, sections, ())
        if name == "item":
            merged[name] = _items(built_in[name], content)
        elif isinstance(built_in[name], Mapping):
            if not isinstance(content, Mapping):
                raise _rule((name,), "no_table")
            for key in content:
                _known(key, built_in[name], (name,))
            merged[name] = {**built_in[name], **content}
        else:
            merged[name] = content
    try:
        policy = Policy.model_validate(merged)
    except ValidationError as error:
        raise _wrong_value(error, merged) from error
    gone = set(GROUPS) - {item.group for item in policy.enabled}
    for group in sorted(gone, key=GROUPS.index):
        raise _rule(("item", _last_of(group, own)), "group_gone", group=group)
    return policy


def _items(ours: Iterable[Mapping[str, Any]], theirs: object) -> list[dict[str, Any]]:
    """Overlay our items with the company's, by code; its own come last."""
    merged = {item["code"]: dict(item) for item in ours}
    if not isinstance(theirs, list):
        raise _rule(("item",), "no_items")
    for item in theirs:
        code = item.get("code") if isinstance(item, Mapping) else None
        if not isinstance(code, str) or not code:
            raise _rule(("item",), "no_code")
        keys = ("item", code)
        for key in item:
            _known(key, Item.model_fields, keys)
        given = merged.get(code)
        if given is None:
            _check_own(item, keys)
        elif not given["columns"][0].startswith(OWN_COLUMN):
            fixed = [
                k
                for k in ("group", "takes", "columns")
                if k in item and item[k] != given[k]
            ]
            if fixed:
                raise _rule((*keys, fixed[0]), "fixed", code=code)
        group = code.partition(".")[0]
        merged[code] = {"group": group, **(given or {}), **item}
        if merged[code]["group"] not in GROUPS:
            raise _rule(
                (*keys, "group"),
                "unknown_group",
                group=merged[code]["group"],
                groups=", ".join(GROUPS),
            )
    return list(merged.values())


def _check_own(item: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """Check that a company's own items audit the company's own columns only."""
    columns = item.get("columns", ())
    for column in columns if isinstance(columns, list) else ():
        if not str(column).startswith(OWN_COLUMN):
            name = str(column).rpartition(".")[2]
            raise _rule((*keys, "columns"), "own_column", near=OWN_COLUMN + name)


def _known(key: str, known: Iterable[str], above: tuple[str, ...]) -> None:
    if key not in known:
        raise _Mistake((*above, key), unknown_key(key, list(known)))


def _wrong_value(error: ValidationError, merged: Mapping[str, Any]) -> _Mistake:
    """Return the mistake of the first value that does not fit."""
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"][:2]]
    if keys[0] == "item":
        keys = ["item", merged["item"][int(keys[1])]["code"], str(first["loc"][2])]
    return _Mistake(
        keys[:-1] if first["type"] == "missing" else keys, wrong_value(error)
    )


def _last_of(group: str, own: Mapping[str, Any]) -> str:
    """Return the item whose switching off left the group empty."""
    codes = [str(item["code"]) for item in own.get("item", ())]
    return [code for code in codes if code.startswith(f"{group}.")][-1]


def _shown(keys: Sequence[str]) -> str:
    """Write a key as one finds it in the file."""
    if keys[:1] == ("item",):
        return " ".join(["[[item]]", *keys[1:3]])
    section, *key = keys or ("",)
    return " ".join([f"[{section}]", *key[:1]]) if section else ""
