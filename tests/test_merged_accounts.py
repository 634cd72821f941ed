"""Customers that were merged between approval and run."""

import datetime as dt
from pathlib import Path

from handover.i18n import words_for
from handover.plan.model import PlannedOpportunity
from tests.worlds.memory_company import TODAY, Office, handing_over, outcomes, row

LATER = TODAY + dt.timedelta(days=60)


def merge(place: Office, loser: str, winner: str) -> None:
    """Merge two accounts, as people do: what hung on one hangs on the other."""
    for name in ("contacts", "opportunities", "requests", "activities"):
        for key, cells in place.crm.rows(f"{name}.csv").items():
            if cells.get("account_id") == loser:
                place.crm.put(f"{name}.csv", key, account_id=winner)
    place.crm.delete("accounts.csv", loser)
    place.sync()


def notes(place: Office) -> dict[str, str]:
    prepared = place.prepared()
    said = words_for("en")
    return {
        note.code: said("{names}", names=note.params.get("names", ""))
        for note in prepared.notes
    }


def test_what_hung_on_the_loser_goes_as_the_winners_row_says(tmp_path: Path) -> None:
    place = handing_over(tmp_path, row(1), row(2, successor_id="T"), row(3))
    merge(place, "A01", "A02")
    told = notes(place)
    assert told["opportunities_elsewhere"] == "O01 (客先01 → 客先02)"
    assert told["accounts_gone"] == "客先01"
    found = outcomes(place.reassign().entries)
    assert {found[key] for key in ("A02", "C01", "O01", "R01", "K01")} == {"done"}
    assert place.owners("opportunities.csv")["O01"] == "T"
    assert set(notes(place)) == {"accounts_gone", "all_done"}


def test_an_opportunity_that_is_held_is_held_at_the_winner_too(tmp_path: Path) -> None:
    held = PlannedOpportunity(id="O01", action="hold", until=LATER)
    place = handing_over(tmp_path, row(1, opportunities=(held,)), row(2), row(3))
    merge(place, "A01", "A02")
    assert "O01" not in outcomes(place.reassign().entries)
    place.as_of = LATER
    assert outcomes(place.reassign().entries) == {"O01": "done"}


def test_nothing_is_done_while_an_opportunity_of_the_plan_is_left(
    tmp_path: Path,
) -> None:
    place = handing_over(tmp_path, row(1), row(2), row(3, mode="exclude"))
    merge(place, "A01", "A03")
    found = outcomes(place.reassign().entries)
    assert "O01" not in found
    assert place.owners("contacts.csv")["C01"] == "P"
    told = notes(place)
    assert told["opportunities_left"] == "O01 (客先03)"
    assert "all_done" not in told
