"""What messages call customers and records."""

import pytest

from handover.i18n import words_for
from handover.plan.model import LooseRecord
from handover.plan.naming import name_first, name_loose, name_record

CUSTOMERS = [f"客先{n}" for n in range(1, 8)]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "客先1 / 客先2 / 客先3 / 客先4 / 客先5 and 2 more"),
        ("ja", "客先1 / 客先2 / 客先3 / 客先4 / 客先5 ほか 2 件"),
    ],
)
def test_a_message_names_the_first_five_and_counts_the_rest(
    language: str, said: str
) -> None:
    assert words_for(language)("{names}", names=name_first(CUSTOMERS)) == said
    five = words_for(language)("{names}", names=name_first(CUSTOMERS[:5]))
    assert five == said.split(" and ", maxsplit=1)[0].split(" ほか", maxsplit=1)[0]


def test_a_record_goes_by_its_names_and_keeps_the_id_that_options_take() -> None:
    assert name_record("青葉商事", "更新", "O1") == "青葉商事: 更新 (O1)"
    assert name_record(None, None, "O1") == "O1"
    loose = LooseRecord(object="requests", id="R1", name="修理", action=None)
    assert words_for("ja")("{names}", names=name_loose(loose)) == "ご要望 修理 (R1)"
