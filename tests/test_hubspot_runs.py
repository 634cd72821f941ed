"""What a large handover costs on HubSpot, and that trouble costs nothing but calls."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Answer, Call
from tests.worlds.hubspot_thousands import hand_over


def test_a_thousand_owners_and_tasks_cost_few_calls(tmp_path: Path) -> None:
    """A hundred records a call, each read before it is written and read back after."""
    calls = hand_over(tmp_path, 1000)
    assert calls["writes"] == 21
    assert calls["reads of records"] == 40
    assert calls["calls to look around"] <= 20


@pytest.mark.parametrize(
    "spoil", [None, faults.dropped, faults.cut_short, faults.gateway]
)
def test_each_batch_of_a_thousand_may_get_lost_and_all_is_written_once(
    tmp_path: Path, spoil: Callable[[Answer], Answer] | None
) -> None:
    """The reply is lost after the commit, or the call before it."""

    def trouble(portal: Portal) -> None:
        seen: set[str] = set()

        def lose(call: Call) -> Answer | None:
            inputs = call.body.get("inputs") or []
            name = f"{call.path} {inputs[:1]}"
            if call.path.endswith("/read") or not inputs or name in seen:
                return None
            seen.add(name)
            lost = Answer(200, "", drop=True)
            return spoil(portal.take(call)) if spoil else lost

        portal.faults = [lose]

    hand_over(tmp_path, 1000, trouble)
