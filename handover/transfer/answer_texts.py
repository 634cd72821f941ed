"""What the tasks of customers' answers say, in the configured language."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from handover.i18n import Words
from handover.paper.dates import day
from handover.plan.naming import name_column
from handover.transfer.answer_tasks import AnswerTask, Left
from handover.transfer.task_text import shorten

SUBJECTS = {
    Left.ENTER: "Enter what {account} corrected: {column}",
    Left.ASK: "Find out for {account}: {item}",
}
TEXTS = {
    Left.ENTER: (
        "{account} corrected {column} on {at}: {before} → {value} (recorded by {by})."
        " It could not be written from here: please enter it in the CRM."
    ),
    Left.ASK: (
        "{account} did not know this on {at}: {item} (recorded by {by})."
        " Please find it out and record it. This task closes by itself then."
    ),
}


@dataclass(frozen=True, kw_only=True)
class AnswerWriter:
    """Puts tasks of answers into words.

    ``person`` and ``item`` return what people call a user and an item of the policy;
    ``zone`` is where days begin.
    """

    spoken: Words
    zone: ZoneInfo
    person: Callable[[str], str]
    item: Callable[[str], str]

    def words(self, task: AnswerTask) -> tuple[str, str]:
        """Write a task's subject and text."""
        words, made = self.spoken, task.made
        told = {
            "account": task.row.account,
            "column": name_column(made.column or ""),
            "item": self.item(made.item),
            "before": made.before or words("nothing"),
            "value": made.value or "",
            "by": self.person(made.recorded_by),
            "at": day(made.at.astimezone(self.zone).date(), words.language),
        }
        return shorten(words(SUBJECTS[task.left], **told)), words(
            TEXTS[task.left], **told
        )
