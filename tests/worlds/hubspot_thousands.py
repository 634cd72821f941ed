"""A thousand owners and a thousand tasks on a loopback portal, as runs write them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from connectors.hubspot import open_hubspot
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import KEY, companies, moves, small_portal, task
from tests.worlds.thousands import carry_out


def hand_over(
    folder: Path, count: int, trouble: Callable[[Portal], None] | None = None
) -> Counter[str]:
    """Walk both runs, and count the calls by what they are for."""
    portal = small_portal()
    if trouble is not None:
        trouble(portal)
    portal.define("tasks", KEY, unique=(KEY,))
    keys = companies(portal, count)
    tasks = [task(key, f"handover:{key}") for key in keys]
    with serve(portal) as address:
        connector = open_hubspot(
            {
                "base_url": address,
                "token": TOKEN,
                "task_key": KEY,
                "rate": {"burst": 10**6},
            }
        )
        carry_out(folder, connector, "8", moves(keys), tasks)
    assert len({key for _, key, _ in portal.commits}) == 2 * count
    assert len(portal.commits) == 2 * count
    assert all(portal.records["companies"][key].links["tasks"] for key in keys)
    return _counted(portal)


def _counted(portal: Portal) -> Counter[str]:
    """Tell writes from reads of what is written and of what a run looks up first."""

    def name(path: str, inputs: object) -> str:
        if path.endswith("batch/read"):
            return "reads of records"
        if inputs:
            return "writes"
        return "calls to look around"

    return Counter(name(call.path, call.body.get("inputs")) for call in portal.calls)
