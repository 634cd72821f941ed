"""The moments between which a run may die without doing harm (promise P15)."""

from typing import Literal, get_args

Point = Literal[
    "run_begun",
    "owners_read",
    "intent_recorded",
    "batch_sent",
    "outcome_recorded",
    "doubt_settled",
    "steps_walked",
    "run_finished",
    "folder_written",
]

POINTS: tuple[Point, ...] = get_args(Point)


def reached(point: Point) -> None:
    """Mark that a run got here; tests replace this to kill the process at a point."""
