"""What a pipeline says of its stages.

Stage ids of custom pipelines are numbers and stage names are anybody's, so whether a
deal is closed or won comes from the stage's metadata alone, whose values are texts.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def stages(pipelines: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, object]]:
    """Describe every stage of every pipeline of an object type, by stage id."""
    return {
        str(stage["id"]): _stage(stage.get("label"), stage.get("metadata") or {})
        for pipeline in pipelines
        for stage in pipeline.get("stages") or ()
    }


def _stage(label: object, metadata: Mapping[str, object]) -> dict[str, object]:
    probability = _number(metadata.get("probability"))
    said = metadata.get("isClosed")
    is_closed = (
        probability in {0.0, 1.0} if said is None else str(said).lower() == "true"
    ) or metadata.get("ticketState") == "CLOSED"
    return {
        "stage_label": label,
        "stage_is_closed": is_closed,
        "stage_is_won": is_closed and probability == 1.0,
    }


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
