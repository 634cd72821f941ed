"""Which connectors there are.

Ours stand in a table one can read. Others announce themselves by an entry point of the
group ``handover.connectors`` whose object opens them, too, and may name the model of
their settings by one of the group ``handover.connectors.settings``. Modules are
imported when they are asked for.
"""

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from connectors.base import Connector
from connectors.effects import SideEffect
from connectors.errors import UnknownConnector
from connectors.settings import ConnectorSettings, UndeclaredSettings

GROUP = "handover.connectors"
SETTINGS_GROUP = "handover.connectors.settings"

OURS = {
    "files": "connectors.files:open_files",
    "salesforce": "connectors.salesforce:open_salesforce",
    "hubspot": "connectors.hubspot:open_hubspot",
}
"""Kind to ``module:function``; the function takes the settings."""

OUR_SETTINGS = {
    "files": "connectors.files.settings:FilesSettings",
    "salesforce": "connectors.salesforce.settings:SalesforceSettings",
    "hubspot": "connectors.hubspot.settings:HubSpotSettings",
}
"""Kind to ``module:model``; see ``settings.py``."""


def connect(kind: str, settings: Mapping[str, object]) -> Connector:
    """Open a connector; no call leaves before it is used.

    Args:
        kind: the name after ``crm.`` in the configuration.
        settings: what stands below it, paths resolved and secrets looked up.

    Raises:
        UnknownConnector: there is none of this kind; carries the nearest name.
    """
    known = _known()
    if kind not in known:
        nearest = get_close_matches(kind, known, n=1)
        raise UnknownConnector(
            kind=kind,
            suggestion=nearest[0] if nearest else "",
            known=", ".join(sorted(known)),
        )
    opener = cast("Callable[[Mapping[str, object]], Connector]", known[kind].load())
    return opener(settings)


def side_effects(kind: str, settings: Mapping[str, object]) -> tuple[SideEffect, ...]:
    """List what writing to a kind of CRM makes happen there besides.

    Nothing is opened: the function ``side_effects`` beside the one that opens a
    connector knows, where there is one.
    """
    point = _known().get(kind)
    told = getattr(import_module(point.module), "side_effects", None) if point else None
    return tuple(told(settings)) if told else ()


def hidden_places(kind: str) -> tuple[str, ...]:
    """Name, by codes, where a kind of CRM may name a user without our seeing it.

    The constant ``HIDDEN_PLACES`` beside the function that opens a connector knows,
    where there is one.
    """
    point = _known().get(kind)
    module = import_module(point.module) if point else None
    return tuple(getattr(module, "HIDDEN_PLACES", ()))


def settings_model(kind: str) -> type[ConnectorSettings]:
    """Return the model of a connector's settings; an open one where it has none."""
    point = _known(SETTINGS_GROUP, OUR_SETTINGS).get(kind)
    return (
        cast("type[ConnectorSettings]", point.load()) if point else UndeclaredSettings
    )


def kinds() -> tuple[str, ...]:
    """List the connectors there are: ours first, others in alphabetical order."""
    return tuple(_known())


def described_kinds() -> tuple[str, ...]:
    """List the connectors that declare their settings, in the same order."""
    return tuple(_known(SETTINGS_GROUP, OUR_SETTINGS))


def _known(
    group: str = GROUP, table: Mapping[str, str] = OURS
) -> dict[str, EntryPoint]:
    """Collect what a table and the entry points of a group name.

    Ours cannot be replaced from outside.
    """
    announced = list_announced(group, tuple(map(_find_state, sys.path)))
    others = {p.name: p for p in announced if p.name not in table}
    ours = {name: EntryPoint(name, at, group) for name, at in table.items()}
    return ours | dict(sorted(others.items()))


def _find_state(folder: str) -> tuple[str, int]:
    """Return what changes when something is installed in a folder, or taken away."""
    path = Path(folder)
    return folder, path.stat().st_mtime_ns if path.exists() else 0


@cache
def list_announced(
    group: str, _state: tuple[tuple[str, int], ...]
) -> tuple[EntryPoint, ...]:
    """Find the entry points of a group; looking through all packages takes long."""
    return tuple(entry_points(group=group))
