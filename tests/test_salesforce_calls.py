"""What a large handover costs on Salesforce: journal, checks, reading back."""

from pathlib import Path

from tests.worlds.salesforce_thousands import hand_over


def test_two_thousand_owners_and_tasks_cost_few_calls(tmp_path: Path) -> None:
    calls = hand_over(tmp_path, 2000)
    assert calls["writes"] == 20
    assert calls["reads"] <= 6
    assert calls["calls to look around"] <= 7
