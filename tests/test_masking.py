"""Secrets in texts of a CRM: none is told, and a short one leaves the rest as it is."""

from urllib.parse import quote

import pytest

from connectors.masking import MASK, mask, mask_pieces

LONG = "canary/secret+4711"
SAID = "Unable to create fields: token t is not valid at the moment"


def test_a_secret_of_one_letter_leaves_words_whole() -> None:
    assert mask(SAID, ["t"]) == SAID.replace(" t ", f" {MASK} ")
    assert mask_pieces(SAID, ["t"]) == SAID.replace(" t ", f" {MASK} ")


@pytest.mark.parametrize("form", [LONG, quote(LONG, safe="")])
def test_a_secret_is_taken_out_wherever_it_stands(form: str) -> None:
    assert mask(f"x{form}y", [LONG, ""]) == f"x{MASK}y"
