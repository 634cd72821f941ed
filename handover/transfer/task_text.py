"""What our tasks say: short, courteous, and clear without opening anything else."""

from collections.abc import Callable
from dataclasses import dataclass

from handover.i18n import Words
from handover.paper.dates import day
from handover.plan.model import Plan
from handover.transfer.wanted import Purpose, Wanted

LONGEST = 255
"""Characters of a task's subject (Salesforce, Task.Subject)."""


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
            "successor": self.person(row.successor_id or ""),
            "due": day(task.due, words.language),
            "time": _time(task),
            "place": _place(task, words),
            "items": words(", ").join(map(self.item, task.gaps)),
        }
        subject, text = SAID[task.purpose]
        if task.purpose is Purpose.VISIT and not self._introduces(task):
            text = ALONE
        return _short(words(subject, **told)), words(text, **told)

    def _introduces(self, task: Wanted) -> bool:
        visit = task.row.visit
        return visit is not None and self.plan.predecessor in visit.attendees


SAID = {
    Purpose.VISIT: (
        "Handover visit: {account}",
        (
            "{due}, {time}, {place}. {predecessor} introduces {successor}."
            " Please confirm each item with the customer, by open questions."
        ),
    ),
    Purpose.PREPARE: (
        "Prepare the handover: {account}",
        (
            "{account} is handed over from {predecessor} to {successor} by information."
            " Please make it complete by {due}."
        ),
    ),
    Purpose.ACCEPT: (
        "Accept the handover: {account}",
        (
            "You take over {account} from {predecessor}. Please check the information"
            " and say so, or send it back with the reason, by {due}."
        ),
    ),
    Purpose.GAPS: (
        "Complete before the handover: {account}",
        (
            "{successor} takes over {account}. Still needed by {due}: {items}."
            " Please enter it in the CRM."
        ),
    ),
    Purpose.HOLD: (
        "Hand over on {due}: {account}",
        (
            "{account} stays with {predecessor} until {due}; then it is {successor}'s."
            " Please bring what is open to a point where it can be handed over."
        ),
    ),
}
"""Subject and text of each kind of task."""

ALONE = (
    "{due}, {time}, {place}. {successor} takes over from {predecessor}, who cannot"
    " come. Please confirm each item with the customer, by open questions."
)
"""Text of a visit without the predecessor."""


def _short(subject: str) -> str:
    """Cut a subject that no CRM would take whole; the text has the whole name."""
    return subject if len(subject) <= LONGEST else subject[: LONGEST - 1] + "…"


def _time(task: Wanted) -> str:
    visit = task.row.visit
    return f"{visit.start}-{visit.end}" if visit else ""


def _place(task: Wanted, words: Words) -> str:
    visit = task.row.visit
    if visit is None or visit.online:
        return words("online")
    return visit.place or words("at the customer's")
