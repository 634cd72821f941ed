"""Which connectors there are.

Ours stand in a table one can read; others announce themselves by an entry point of the
group ``handover.connectors`` whose object opens them, too. A connector's module is
imported when it is asked for.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from connectors.base import Connector
from connectors.effects import SideEffect
from connectors.errors import UnknownConnector

GROUP = "handover.connectors"

OURS = {
    "files": "connectors.files:open_files",
    "salesforce": "connectors.salesforce:open_salesforce",
    "hubspot": "connectors.hubspot:open_hubspot",
}
"""Kind to ``module:function``; the function takes the settings."""


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
    """Tell what writing to a kind of CRM makes happen there besides (promise P22).

    Nothing is opened: the function ``side_effects`` beside the one that opens a
    connector knows, where there is one.
    """
    point = _known().get(kind)
    told = getattr(import_module(point.module), "side_effects", None) if point else None
    return tuple(told(settings)) if told else ()


def kinds() -> tuple[str, ...]:
    """Name the connectors there are, in alphabetical order."""
    return tuple(sorted(_known()))


def _known() -> dict[str, EntryPoint]:
    """Collect the connectors; ours cannot be replaced from outside."""
    others = {point.name: point for point in entry_points(group=GROUP)}
    ours = {name: EntryPoint(name, at, GROUP) for name, at in OURS.items()}
    return others | ours
