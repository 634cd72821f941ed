"""What a large handover costs on HubSpot: journal, drift check, verification."""

from pathlib import Path

from tests.hubspot_runs import hand_over


def test_a_thousand_owners_and_tasks_cost_few_calls(tmp_path: Path) -> None:
    calls = hand_over(tmp_path, 1000)
    assert calls["writes"] == 21
    assert calls["reads of records"] == 20
    assert calls["calls to look around"] <= 20
