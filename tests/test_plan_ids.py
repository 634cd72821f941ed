"""Plan ids speak, and never show the long ids of a CRM."""

from pathlib import Path

import pytest

from handover.mirror.people import People, Person
from handover.plan.build import PlanOrder
from handover.plan.moves import Move
from handover.plan.plan_ids import make_id

SATO = Person(id="0055g000000000KAAA", name="佐藤", email="sato.kenichi@example.jp")
SUZUKI = Person(id="0055g000000000NAAA", name="Suzuki Misaki")
NOBODY = Person(id="0055g000000000XAAA", name="高橋")
NUMBER = Person(id="U7", name="田中")
HAAS = Person(id="0055g000000000YAAA", name="José Haas", email="営業@example.jp")


@pytest.mark.parametrize(
    ("successors", "spelt"),
    [
        ([SUZUKI], "{month}-sato-kenichi-suzuki-misaki"),
        ([HAAS], "{month}-sato-kenichi-jose-haas"),
        ([NOBODY], "{month}"),
        ([SUZUKI, NOBODY], "{month}"),
        ([NUMBER], "{month}-sato-kenichi-u7"),
    ],
)
def test_an_id_takes_the_mail_address_or_the_ascii_name_of_everybody(
    successors: list[Person], spelt: str
) -> None:
    everybody = {each.id: each for each in (SATO, SUZUKI, NOBODY, NUMBER, HAAS)}
    people = People(by_id=everybody, file=Path("people.csv"))
    moves = tuple(Move(successor_id=each.id) for each in successors)
    assert make_id(PlanOrder(predecessor=SATO.id, moves=moves), people) == spelt
