"""Drafts of mails as a list, as files, and for machines."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from handover.meeting.mails import MailDraft, NoMail
from handover.paper.file_names import name_file, number_doubles
from handover.paper.mail_file import write_mail
from handover.plan.model import Plan
from handover.plan.plan_list import PlanList
from handover.plan.terminal import lay_out
from handover.plan.view import Audience

ORDER = {"predecessor": "1", "manager": "1", "successor": "2"}
"""Which mail of a customer goes first."""


def print_mails(
    plan: Plan,
    drafts: Sequence[MailDraft],
    none: Sequence[NoMail],
    audience: Audience,
    console: Console,
) -> None:
    """Print one line for each mail, and who gets none and why."""
    words = audience.words
    rows = [
        (
            draft.account,
            draft.sender.name,
            str(draft.to) if draft.to else words("(no address)"),
            draft.subject,
        )
        for draft in drafts
    ]
    headings = ("Customer", "From", "To", "Subject")
    title = words("Mails of {plan}", plan=plan.id)
    table = PlanList(title=title, headings=tuple(map(words, headings)), rows=rows)
    console.print(lay_out(table))
    for each in none:
        why = words(f"no-mail:{each.why}")
        text = words("No mail to {account}: {why}", account=each.account, why=why)
        console.print(f"  {text}", soft_wrap=True)
    console.print(words("-o FOLDER writes them as .eml files."), soft_wrap=True)


def write_mails(drafts: Sequence[MailDraft], audience: Audience) -> dict[str, bytes]:
    """Write each mail as a file, named by the customer and by whom it is from."""
    names = number_doubles(
        name_file(
            draft.account,
            draft.account_id,
            f"{ORDER[draft.by]}-{audience.words(f'mail-by:{draft.by}')}",
            suffix=".eml",
        )
        for draft in drafts
    )
    return {
        name: write_mail(
            sender=draft.sender_box,
            to=draft.to,
            subject=draft.subject,
            text=draft.text,
        )
        for name, draft in zip(names, drafts, strict=True)
    }


def dump_mail(draft: MailDraft) -> dict[str, Any]:
    """Return a mail for JSON."""
    return {
        "account_id": draft.account_id,
        "account": draft.account,
        "by": draft.by,
        "from": draft.sender_box.address if draft.sender_box else None,
        "from_name": draft.sender.name,
        "to": draft.to.address if draft.to else None,
        "to_name": draft.to.name if draft.to else None,
        "subject": draft.subject,
        "text": draft.text,
    }
