"""Losses so large that somebody has to look before they are published."""

from handover.errors import Refusal

SHRINK_SHARE = 0.2
SHRINK_ROWS = 50
LOST_CELLS = 5
LOST_ALL = 5
"""A table that loses more than this share and at least this many rows stops the sync:
a lost permission looks just like a mass deletion. So does one of which more than this
share of the records, and at least so many, lose the same cell; and a table of which no
record came any more, none of them said to be deleted, if it had at least so many."""


class TooMuchLost(Refusal):
    """Much is gone at once, as when a permission is lost or an export is cut short.

    The mirror stays as it was. ``sync --allow-shrink`` accepts it.
    """


class Shrunk(TooMuchLost):
    """Records are gone (``source``, ``table``, ``before``, ``vanished``)."""

    code = "shrunk"


class CellsLost(TooMuchLost):
    """Many records have lost the value of one column, as it does not fit any more.

    Its parameters: ``source``, ``table``, ``column``, ``rows`` and ``lost``.
    """

    code = "cells_lost"


class NothingLeft(TooMuchLost):
    """Of a table that nobody can do without nothing is left (``source``, ``table``).

    Further parameters: ``before``, the records there were, and ``read``.
    """

    code = "nothing_left"
