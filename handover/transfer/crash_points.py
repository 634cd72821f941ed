"""The moments between which a run may die without doing harm.

Whoever starts a run may be told when it reaches one, as tests do to end the process.
"""

from collections.abc import Callable
from typing import Literal, get_args

Point = Literal[
    "steps_prepared",
    "run_begun",
    "intent_recorded",
    "batch_sent",
    "outcome_recorded",
    "doubt_settled",
    "wave_read_back",
    "steps_walked",
    "run_finished",
    "folder_written",
]

POINTS: tuple[Point, ...] = get_args(Point)

Reached = Callable[[Point], None]
"""Called when a run gets to a point."""
