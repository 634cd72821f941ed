"""Rows of link tables: one for each element of a list, and what activities hang on."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from mappings.cells import Cell
from mappings.schema import arrow_schema
from mappings.text import as_text

PAIRS = MappingProxyType(
    {
        "contact_links": ("contact_id", "account_id"),
        "activity_links": ("activity_id", "target", "target_id"),
        "account_team": ("record_id", "user_id"),
        "opportunity_team": ("record_id", "user_id"),
    }
)
"""The columns that together are the key of a link."""


def spread(cells: Mapping[str, list[Cell]]) -> tuple[dict[str, list[Cell]], list[int]]:
    """Give each element of a list a row of its own; lists are read side by side.

    Returns:
        The cells, and for each new row the position of the row it came from.
    """
    rows = list(zip(*cells.values(), strict=True))
    lengths = [
        max([1, *(len(cell) for cell in row if isinstance(cell, list))]) for row in rows
    ]
    places = [(at, nth) for at, length in enumerate(lengths) for nth in range(length)]
    return {
        name: [_element(column[at], nth) for at, nth in places]
        for name, column in cells.items()
    }, [at for at, _ in places]


def _element(cell: Cell, nth: int) -> Cell:
    if not isinstance(cell, list):
        return cell
    return as_text(cell[nth]) if nth < len(cell) else None


@dataclass(frozen=True, kw_only=True)
class Named:
    """The ids of a page's links, the records they came from, and rows that are none.

    A pair that one record names twice is one link.
    """

    ids: list[str | None]
    origins: list[str | None]
    none: frozenset[int]


def name_links(
    keys: Sequence[tuple[str | None, ...]],
    records: Sequence[str | None],
    position: Sequence[int],
    *,
    rows_are_links: bool,
) -> Named:
    """Name links by the record they were read from, else by their pair.

    Args:
        keys: the cells of each row's key.
        records: the id of the record itself, where the mapping names one.
        position: the row of the page that each link came from: several links of one
            record are told apart by their pairs.
        rows_are_links: each row is a link, as in a file; elsewhere a record may hang on
            nothing, and is no link then.
    """
    ids: list[str | None] = []
    origins: list[str | None] = []
    none: set[int] = set()
    several = len(set(position)) < len(position)
    met: set[tuple[int, str]] = set()
    for at, (key, record) in enumerate(zip(keys, records, strict=True)):
        pair = ":".join(part or "" for part in key) if all(key) else None
        ids.append(record if record and pair and not several else pair)
        origins.append(record or (pair if rows_are_links else key[0]))
        place = (position[at], pair or "")
        if (pair is None and not rows_are_links) or place in met:
            none.add(at)
        met.add(place)
    return Named(ids=ids, origins=origins, none=frozenset(none))


def elements(cell: Cell, empty: Container[str]) -> list[str]:
    """Name what a cell refers to, one id or several, each once."""
    if cell is None:
        return []
    many = map(as_text, cell) if isinstance(cell, list) else (cell,)
    texts = dict.fromkeys(text.strip() for text in many if text)
    return [text for text in texts if text not in empty]


def activity_links(
    activities: pa.Table, cells: Mapping[str, list[Cell]], empty: Container[str]
) -> pa.Table:
    """Make a link for everything that activities hang on.

    Args:
        activities: the rows that stand.
        cells: for each target (account, contact, opportunity) their cells.
        empty: placeholder words, which are no id.
    """
    found = [
        (at, target, target_id)
        for target, column in cells.items()
        for at, cell in enumerate(column)
        for target_id in elements(cell, empty)
    ]
    rows = activities.take(pa.array([at for at, _, _ in found], pa.int64()))
    ids = rows["id"].to_pylist()
    filled = {
        **{
            name: rows[name]
            for name in ("source", "object", "modified_at", "is_deleted")
        },
        "id": [
            f"{activity}:{target}:{target_id}"
            for activity, (_, target, target_id) in zip(ids, found, strict=True)
        ],
        "activity_id": rows["id"],
        "target": [target for _, target, _ in found],
        "target_id": [target_id for _, _, target_id in found],
        "origin": rows["id"],
        "url": pa.nulls(len(found), pa.string()),
    }
    schema = arrow_schema("activity_links")
    return pa.table([filled[name] for name in schema.names], schema=schema)
