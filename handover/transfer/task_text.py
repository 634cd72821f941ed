"""What our tasks say: subject and text, in the configured language."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handover.i18n import Words
from handover.ledger.states import Mode
from handover.paper.dates import day
from handover.plan.model import Plan
from handover.transfer.tasks import Purpose, WantedTask

LONGEST = 255
"""Characters of a task's subject (Salesforce, Task.Subject)."""
SUBJECTS = {
    Purpose.VISIT: "Handover visit: {account}",
    Purpose.PREPARE: "Prepare the handover: {account}",
    Purpose.ACCEPT: "Accept the handover: {account}",
    Purpose.GAPS: "Complete before the handover: {account}",
    Purpose.HOLD: "Hand over on {due}: {account}",
}
INTRODUCES = (
    "{due}, {time}, {place}. To meet: {contacts}. {predecessor} introduces {successor}."
    " Please confirm each item with the customer, by open questions."
)
ASKED = {
    "proposed": "The customer has not agreed to this date yet: please ask them.",
    "moved": "The date was moved: please agree this one with the customer.",
    "agreed": "The customer has agreed to this date.",
}
ALONE = (
    "{due}, {time}, {place}. To meet: {contacts}. {successor} takes over from"
    " {predecessor}, who cannot come. Please confirm each item with the customer, by"
    " open questions."
)
PREPARE = (
    "{account} is handed over from {predecessor} to {successor} by information."
    " Please make it complete by {due}."
)
ACCEPT = (
    "You take over {account} from {predecessor}. Please check the information"
    " and say so, or send it back with the reason, by {due}."
)
GAPS = (
    "{successor} takes over {account}. Still needed by {due}: {items}."
    " Please enter it in the CRM."
)
GAPS_BY_INFORMATION = (
    "{account} is handed over from {predecessor} to {successor} by information."
    " Still needed by {due}: {items}. Please enter it in the CRM."
)
HELD = "{account} stays with {predecessor} until {until}; then it is {successor}'s."
OPPORTUNITIES_HELD = (
    "{predecessor} keeps these opportunities of {account} for a while, then"
    " {successor} takes them over: {opportunities}."
)
LET_GO = "Please bring what is open to a point where it can be handed over."
TAKE_OVER = "Please be ready to take it over on that day."


@dataclass(frozen=True, kw_only=True)
class TaskWriter:
    """Puts the tasks of a plan into words.

    ``person``, ``item`` and ``contact`` return what people call a user, an item of the
    policy and a person of the customer.
    """

    plan: Plan
    spoken: Words
    person: Callable[[str], str]
    item: Callable[[str], str]
    contact: Callable[[str], str]

    def words(self, task: WantedTask) -> tuple[str, str]:
        """Write a task's subject and text."""
        words, row = self.spoken, task.row
        told = {
            "account": row.account,
            "predecessor": self.person(self.plan.predecessor),
            "successor": self.person(row.successor_id or ""),
            "due": day(task.due, words.language),
            "until": day(row.until or task.due, words.language),
            "time": _write_time(task),
            "place": _write_place(task, words),
            "contacts": self._write_contacts(task),
            "items": words(", ").join(map(self.item, task.gaps)),
            "opportunities": self._write_opportunities(task),
        }
        blank = "" if words.language == "ja" else " "
        text = blank.join(words(part, **told) for part in self._list_parts(task))
        return shorten(words(SUBJECTS[task.purpose], **told)), text

    def _list_parts(self, task: WantedTask) -> Sequence[str]:
        is_informed = task.row.mode is Mode.INFORM
        match task.purpose:
            case Purpose.VISIT:
                told = INTRODUCES if self._is_introduced(task) else ALONE
                return (told, *self._list_asked(task))
            case Purpose.PREPARE:
                return (PREPARE,)
            case Purpose.ACCEPT:
                return (ACCEPT,)
            case Purpose.GAPS:
                return (GAPS_BY_INFORMATION if is_informed else GAPS,)
            case Purpose.HOLD:
                return (*self._list_held(task), self._ask_of_holds(task))

    def _list_asked(self, task: WantedTask) -> Sequence[str]:
        state = task.row.visit.state if task.row.visit is not None else None
        return [ASKED[state]] if state in ASKED else []

    def _list_held(self, task: WantedTask) -> Sequence[str]:
        parts = [HELD] if task.row.mode is Mode.HOLD else []
        return [*parts, OPPORTUNITIES_HELD] if task.held else parts

    def _ask_of_holds(self, task: WantedTask) -> str:
        return LET_GO if task.user_id == self.plan.predecessor else TAKE_OVER

    def _is_introduced(self, task: WantedTask) -> bool:
        visit = task.row.visit
        return visit is not None and self.plan.predecessor in visit.attendees

    def _write_contacts(self, task: WantedTask) -> str:
        words, visit = self.spoken, task.row.visit
        found = map(self.contact, visit.contact_ids if visit else ())
        return words(", ").join(found) or words("still to be agreed")

    def _write_opportunities(self, task: WantedTask) -> str:
        words = self.spoken
        return words(", ").join(
            words(
                "{name} (until {day})",
                name=each.name or each.id,
                day=day(each.until or task.due, words.language),
            )
            for each in task.held
        )


def shorten(subject: str) -> str:
    """Cut a subject that no CRM would take whole; the text has the whole name."""
    return subject if len(subject) <= LONGEST else subject[: LONGEST - 1] + "…"


def _write_time(task: WantedTask) -> str:
    visit = task.row.visit
    return f"{visit.start}-{visit.end}" if visit else ""


def _write_place(task: WantedTask, words: Words) -> str:
    visit = task.row.visit
    if visit is None or visit.online:
        return words("online")
    return visit.place or words("at the customer's")
