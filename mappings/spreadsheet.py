"""What spreadsheets and exports leave in the cells of files instead of values."""

import re
from collections.abc import Mapping, Sequence

Row = Mapping[str, object]

ERRORS = frozenset(
    {
        *("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"),
        *("#SPILL!", "#CALC!", "#GETTING_DATA", "#BLOCKED!", "#CONNECT!", "#FIELD!"),
        *("#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#VALEUR!", "#NOM?", "#NOMBRE!"),
    }
)
"""What a cell shows whose formula failed, in English, German, French and Spanish."""

UNSET = frozenset({"--None--", "--なし--"})
"""What Salesforce shows and exports for a picklist of which nothing is picked."""

_NO_VALUE = ERRORS | UNSET

_DAMAGED = re.compile(r"[1-9](?:\.\d+)?E\+\d{2,}", re.ASCII)


def cleaned(rows: Sequence[Row]) -> tuple[list[Row], dict[int, dict[str, str]]]:
    """Take out of rows what is no value.

    Returns:
        The rows, and for those with errors the error by field.
    """
    errors: dict[int, dict[str, str]] = {}
    clean: list[Row] = list(rows)
    for at, row in enumerate(rows):
        if _is_clean(row):
            continue
        found = {
            name: cell
            for name, cell in row.items()
            if isinstance(cell, str) and cell.strip() in _NO_VALUE
        }
        clean[at] = {**row, **dict.fromkeys(found)}
        failed = {name: cell for name, cell in found.items() if cell.strip() in ERRORS}
        if failed:
            errors[at] = failed
    return clean, errors


def _is_clean(row: Row) -> bool:
    try:
        return _NO_VALUE.isdisjoint(row.values())
    except TypeError:  # the cells beyond the last column are a list
        return False


def is_damaged_id(text: str) -> bool:
    """Tell whether an id went through a spreadsheet that took it for a number.

    Beyond 11 digits it is shown, and saved as text, like 1.23457E+18; beyond 15 its
    last digits are gone.
    """
    return _DAMAGED.fullmatch(text) is not None
