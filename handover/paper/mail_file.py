"""Drafts of mails as files that a mail program opens, to be read over and sent.

A header holds one line and nothing that ends it; addresses are only those that can be
written as they are (RFC 5322).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from types import MappingProxyType

from handover.safe_text import plain, plain_lines

UNSENT = "X-Unsent"
"""Makes Outlook open a file as a draft instead of as a mail that came in."""


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """Whom a mail is from or to."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


def write_mail(
    *,
    sender: Mailbox | None,
    to: Mailbox | None,
    subject: str,
    text: str,
    pages: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Write a draft; a sender or receiver without an address stays open.

    ``pages`` are attached: HTML by the name of its file.

    One receiver: Python folds long lists of names into what no reader takes apart.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = plain(subject)
    for header, mailbox in (("From", sender), ("To", to)):
        if mailbox is not None and (address := _make_address(mailbox)):
            message[header] = address
    message[UNSENT] = "1"
    message.set_content(plain_lines(text), charset="utf-8")
    for name, content in pages.items():
        message.add_attachment(content, subtype="html", filename=plain(name))
    return message.as_bytes()


def _make_address(mailbox: Mailbox) -> Address | None:
    """Return what a header takes; None for an address that it cannot hold."""
    address = plain(mailbox.address)
    user, at, domain = address.rpartition("@")
    is_one = at and user and domain and "@" not in user and " " not in address
    if not (is_one and address.isascii()):
        return None
    try:
        return Address(plain(mailbox.name), user, domain)
    except ValueError:
        return None
