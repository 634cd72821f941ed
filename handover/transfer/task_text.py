"""What our tasks say: short, courteous, and clear without opening anything else."""

from collections.abc import Callable
from dataclasses import dataclass

from handover.i18n import Words
from handover.paper.dates import day
from handover.plan.model import Plan
from handover.transfer.wanted import Purpose, Wanted


@dataclass(frozen=True, kw_only=True)
class TaskWriter:
    """Puts the tasks of a plan into the configured language.

    ``person`` and ``item`` give the names of a user and of an item of the policy.
    """

    plan: Plan
    spoken: Words
    person: Callable[[str], str]
    item: Callable[[str], str]

    def words(self, task: Wanted) -> tuple[str, str]:
        """Write a task's subject and text."""
        words, row = self.spoken, task.row
        told = {
            "account": row.account,
            "predecessor": self.person(self.plan.predecessor),
            "successor": self.person(row.successor_id) if row.successor_id else "-",
            "due": day(task.due, words.language),
            "items": words(", ").join(map(self.item, task.gaps)),
        }
        match task.purpose:
            case Purpose.VISIT:
                subject = words("Handover visit: {account}", account=row.account)
                text = words(
                    _VISIT, **told, time=_time(task), place=_place(task, words)
                )
            case Purpose.PREPARE:
                subject = words("Prepare the handover: {account}", account=row.account)
                text = words(_PREPARE, **told)
            case Purpose.ACCEPT:
                subject = words("Accept the handover: {account}", account=row.account)
                text = words(_ACCEPT, **told)
            case Purpose.GAPS:
                subject = words(
                    "Complete before the handover: {account}", account=row.account
                )
                text = words(_GAPS, **told)
            case _:
                subject = words("Hand over on {due}: {account}", **told)
                text = words(_HOLD, **told)
        return subject, text


_VISIT = (
    "{due}, {time}, {place}. {predecessor} introduces {successor}."
    " Please confirm each item with the customer, by open questions."
)
_PREPARE = (
    "{account} is handed over from {predecessor} to {successor} by information."
    " Please make it complete by {due}."
)
_ACCEPT = (
    "You take over {account} from {predecessor}. Please check the information"
    " and say so, or send it back with the reason, by {due}."
)
_GAPS = (
    "{successor} takes over {account}. Still needed by {due}: {items}."
    " Please enter it in the CRM."
)
_HOLD = (
    "{account} stays with {predecessor} until {due}, then {successor} takes over."
    " Please bring what is open to a point where it can be handed over."
)


def _time(task: Wanted) -> str:
    visit = task.row.visit
    return f"{visit.start}-{visit.end}" if visit else ""


def _place(task: Wanted, words: Words) -> str:
    visit = task.row.visit
    if visit is None or visit.online:
        return words("online")
    return visit.place or words("at the customer's")
