"""Contacts of others keep their owner, even if the CRM copies an account's new one."""

from collections.abc import Sequence
from pathlib import Path

from connectors.base import Change, Outcome, SetField
from connectors.errors import Unreachable
from connectors.memory import MemoryCRM
from tests.worlds.memory_company import Office, plan, records, row


class CopyingCRM(MemoryCRM):
    """Copies an account's new owner to its contacts; may fail before contacts."""

    is_down = False

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Write, and let the company's setting do its work."""
        if self.is_down and batch[0].object == "contacts.csv":
            raise Unreachable(source="memory", detail="down")
        outcomes = super().write(batch)
        for change in batch:
            if isinstance(change, SetField) and change.object == "accounts.csv":
                for key, contact in self.rows("contacts.csv").items():
                    if contact["account_id"] == change.id:
                        self.put("contacts.csv", key, owner_id=change.after)
        return outcomes


def office(folder: Path) -> tuple[Office, CopyingCRM]:
    """T looks after a contact of each account, and somebody who has left after one."""
    known = records(2)
    for key, owner in (("X1", "T"), ("X2", "T"), ("X3", "gone")):
        account = "A02" if key == "X2" else "A01"
        known["contacts.csv"].append(
            {"id": key, "name": "森", "account_id": account, "owner_id": owner}
        )
    crm = CopyingCRM(known)
    place = Office(folder=folder, crm=crm)
    place.approve(plan([row(1)]))
    return place, crm


def test_a_contact_of_somebody_else_stays_theirs(tmp_path: Path) -> None:
    place, _ = office(tmp_path)
    run = place.reassign()
    owners = place.owners("contacts.csv")
    assert (owners["C01"], owners["X1"], owners["X2"]) == ("S", "T", "T")
    (kept,) = [e for e in run.entries if e.action == "contact_kept"]
    assert (kept.record_id, kept.before, kept.after) == ("X1", "S", "T")
    assert run.state == "finished"


def test_taking_a_run_back_leaves_it_theirs(tmp_path: Path) -> None:
    place, _ = office(tmp_path)
    place.reassign()
    undone = place.undo("last")
    assert undone.state == "finished"
    owners = place.owners("contacts.csv")
    assert (owners["C01"], owners["X1"]) == ("P", "T")
    assert place.undo(undone.run_id).state == "finished"
    assert place.owners("contacts.csv")["X1"] == "T"


def test_the_next_run_gives_back_what_a_broken_one_could_not(tmp_path: Path) -> None:
    place, crm = office(tmp_path)
    crm.is_down = True
    assert place.reassign().error is not None
    assert place.owners("contacts.csv")["X1"] == "S"
    crm.is_down = False
    place.sync()
    place.reassign()
    assert place.owners("contacts.csv")["X1"] == "T"


def test_what_a_person_changed_in_the_meantime_is_left_alone(tmp_path: Path) -> None:
    place, crm = office(tmp_path)
    crm.put("contacts.csv", "X1", owner_id="M")
    place.reassign()
    assert place.owners("contacts.csv")["X1"] == "M"


def test_a_rehearsal_lists_it_and_writes_nothing(tmp_path: Path) -> None:
    place, crm = office(tmp_path)
    actions = [entry.action for entry in place.rehearse().entries]
    assert actions.count("contact_kept") == 1
    assert not crm.commits
