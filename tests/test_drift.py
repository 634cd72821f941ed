"""When a run stops because the CRM is no longer what was approved."""

import pytest

from handover.transfer.checks import too_many


@pytest.mark.parametrize(
    ("drifted", "of", "stops"),
    [
        (0, 0, False),
        (4, 10, False),  # fewer than five never stop a run
        (5, 50, False),  # ten per cent is not more than ten per cent
        (5, 49, True),
        (6, 60, False),
        (7, 60, True),
        (5, 5, True),
    ],
)
def test_more_than_a_tenth_and_at_least_five(
    *, drifted: int, of: int, stops: bool
) -> None:
    assert too_many(drifted, of, share=0.1, least=5) is stops
