"""What a pipeline says of its stages.

Stage ids of custom pipelines are numbers and stage names are anybody's, so whether a
deal is closed or won comes from the stage's metadata alone, whose values are texts.
"""

from collections.abc import Mapping

from connectors.errors import NotPermitted, UnknownObject
from connectors.hubspot.objects import ObjectType
from connectors.hubspot.portal import Portal


def stages(portal: Portal, kind: ObjectType) -> dict[str, Mapping[str, object]]:
    """Read every stage of every pipeline of an object type, by stage id."""
    try:
        reply = portal.read(kind.pipelines)
    except (UnknownObject, NotPermitted):
        return {}
    return {
        str(stage["id"]): _stage(stage.get("label"), stage.get("metadata") or {})
        for pipeline in reply.data.get("results") or ()
        for stage in pipeline.get("stages") or ()
    }


def _stage(label: object, metadata: Mapping[str, object]) -> dict[str, object]:
    probability = _number(metadata.get("probability"))
    is_closed = (
        str(metadata.get("isClosed")).lower() == "true"
        or metadata.get("ticketState") == "CLOSED"
        or probability in {0.0, 1.0}
    )
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
