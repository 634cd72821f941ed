"""Records of ours that stand twice in a CRM, because two folders made them at once.

A unique field for our keys rules that out. Without one, whoever looks before making a
record can be overtaken between the look and the write; so a run looks back once.
"""

from collections.abc import Iterable, Mapping, Sequence

from connectors.base import DOUBLES, Capability, Connector, Create
from connectors.errors import ConnectorError
from handover.errors import Partly
from handover.ledger.runs import Entry
from handover.ledger.states import Action


class TasksDoubled(Partly):
    """Tasks stand twice (``run``, ``n``, ``tasks``: the ids of the later ones)."""

    code = "tasks_doubled"


def find_doubles(
    connector: Connector, creates: Iterable[Create]
) -> Mapping[str, Sequence[str]]:
    """Return the further records with one key, by key; a unique field rules them out.

    Raises:
        ConnectorError: the CRM cannot be asked.
    """
    if Capability.KEYED_CREATES in connector.capabilities:
        return {}
    wanted = list(creates)
    found = connector.find(wanted) if wanted else {}
    return {
        key: [str(each) for each in others]
        for key, row in found.items()
        if isinstance(others := row.get(DOUBLES), tuple)
    }


def look_back(
    connector: Connector, run_id: str, entries: Iterable[Entry]
) -> TasksDoubled | None:
    """Return that tasks which a run made stand twice; None if none does.

    Where the CRM cannot be asked now, ``runs verify`` asks it later.
    """
    made = [
        entry.change
        for entry in entries
        if entry.action == Action.CREATE_TASK and entry.outcome == "done"
    ]
    try:
        found = find_doubles(connector, [c for c in made if isinstance(c, Create)])
    except ConnectorError:
        return None
    others = [own_id for ids in found.values() for own_id in ids]
    if not others:
        return None
    return TasksDoubled(run=run_id, n=len(found), tasks=", ".join(others))
