"""What ``init`` asks where somebody can answer, and what holds where nobody can."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

import click

from handover.i18n import Words


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question; ``text`` stands in the catalogue."""

    key: str
    text: str
    default: str
    choices: Sequence[str] = ()
    fits: Callable[[str], object] = bool
    """Tells whether an answer may stand in the configuration."""

    def ask(self, words: Words) -> str:
        """Ask until the answer fits."""

        def checked(answer: str) -> str:
            known = not self.choices or answer in self.choices
            if known and self.fits(answer) and '"' not in answer:
                return answer
            refusal = words("{answer} cannot be used here", answer=answer)
            raise click.UsageError(refusal)

        text = words(self.text)
        if self.choices:
            text = f"{text} ({', '.join(self.choices)})"
        return str(
            click.prompt(text, default=self.default, value_proc=checked, err=True)
        )


def _like(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


CRM = Question(
    key="crm",
    text="Where are the customers kept?",
    default="files",
    choices=("files", "salesforce", "hubspot"),
)
OF_CRM: Mapping[str, Sequence[Question]] = {
    "files": (
        Question(
            key="folder", text="In which folder are the exports?", default="export"
        ),
    ),
    "salesforce": (
        Question(
            key="base_url",
            text="What is the org's address (My Domain)?",
            default="https://example.my.salesforce.com",
            fits=_like(r"https://[\w.-]+"),
        ),
        Question(
            key="auth",
            text="How does handover log in?",
            default="client_credentials",
            choices=("client_credentials", "jwt", "refresh_token", "access_token"),
        ),
    ),
    "hubspot": (
        Question(
            key="auth",
            text="How does handover log in?",
            default="token",
            choices=("token", "oauth"),
        ),
    ),
}
OF_COMPANY = (
    Question(
        key="country",
        text="In which country (holidays, phone numbers)?",
        default="JP",
        fits=_like("[A-Z]{2}"),
    ),
    Question(
        key="currency",
        text="In which currency are amounts?",
        default="JPY",
        fits=_like("[A-Z]{3}"),
    ),
    Question(
        key="timezone",
        text="In which time zone do days begin?",
        default="Asia/Tokyo",
        fits=lambda name: name in available_timezones(),
    ),
)


def crm(words: Words | None) -> str:
    """Ask for the kind of CRM; without words nobody is there to be asked."""
    return CRM.ask(words) if words else CRM.default


def answers(kind: str, words: Words | None) -> dict[str, str]:
    """Ask what a configuration for this CRM needs, one question after the other."""
    wanted = (*OF_CRM[kind], *OF_COMPANY)
    return {one.key: one.ask(words) if words else one.default for one in wanted}
