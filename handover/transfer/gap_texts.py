"""What our tasks for gaps say: subject and text, in the configured language."""

from collections.abc import Callable
from dataclasses import dataclass

from handover.i18n import Words
from handover.paper.dates import day
from handover.transfer.gap_tasks import GapTask, Recipient
from handover.transfer.task_text import shorten

SUBJECTS = {
    Recipient.OWNER: "Complete what is known of {account}",
    Recipient.MANAGER: "Late: what is known of {account} is not complete",
}
TEXTS = {
    Recipient.OWNER: (
        "Of {account} this is not known, or out of date: {items}."
        " Please enter it in the CRM by {due}. This task closes by itself then."
    ),
    Recipient.MANAGER: (
        "{owner} was asked to complete what is known of {account} by {late_since}."
        " Still needed: {items}. Please see with {owner} that it is entered by {due}."
        " This task closes by itself then."
    ),
}


@dataclass(frozen=True, kw_only=True)
class GapWriter:
    """Puts tasks for gaps into words.

    ``person`` and ``item`` return what people call a user and an item of the policy.
    """

    spoken: Words
    person: Callable[[str], str]
    item: Callable[[str], str]

    def words(self, task: GapTask) -> tuple[str, str]:
        """Write a task's subject and text."""
        words, account = self.spoken, task.account
        late_since = task.late_since or task.due
        told = {
            "account": account.name,
            "owner": self.person(account.owner_id or ""),
            "items": words(", ").join(map(self.item, account.gaps)),
            "due": day(task.due, words.language),
            "late_since": day(late_since, words.language),
        }
        subject = shorten(words(SUBJECTS[task.asked], **told))
        return subject, words(TEXTS[task.asked], **told)
