"""How a connector is configured: a model whose fields say what they are.

What is a secret, what pins the org and what ``handover init`` asks for is read from
these models, so that nobody outside a connector's folder knows a CRM by name. A field
says it in its annotation::

    token: Annotated[str, Secret(), Example(value="env:CRM_TOKEN")]

A connector in a package of its own names its model by an entry point of the group
``handover.connectors.settings``, under the name of its connector.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from connectors.errors import ForeignAddress
from connectors.hosts import checked_address


@dataclass(frozen=True)
class Secret:
    """The value is a reference to a secret, looked up when the connector is opened."""


@dataclass(frozen=True)
class PinsOrg:
    """The value is the id of the one org that may answer; another one is refused."""


@dataclass(frozen=True)
class LocalPath:
    """The value is a path; a relative one starts from the configuration's folder."""


@dataclass(frozen=True)
class LogIn:
    """The value is the way to log in, one of the model's ``log_ins``."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What ``init`` asks; the answer becomes the value.

    ``text`` stands in the catalogue. An answer is one of ``choices``, where there are
    any, and matches ``pattern`` from its first to its last character. ``are_listed``:
    the choices are few enough to be shown.
    """

    text: str
    default: str
    choices: tuple[str, ...] = ()
    are_listed: bool = True
    pattern: str = ".+"

    def takes(self, answer: str) -> bool:
        """Return whether an answer may stand in the configuration."""
        is_known = not self.choices or answer in self.choices
        return is_known and re.fullmatch(self.pattern, answer) is not None


@dataclass(frozen=True, kw_only=True)
class Example:
    """What ``init`` writes for a key that it does not ask for, and behind each key.

    ``log_ins`` are the ways to log in that need the key, all where it names none. What
    is ``commented_out`` is an example that people put in force themselves.
    """

    value: str | int = ""
    comment: str = ""
    log_ins: tuple[str, ...] = ()
    commented_out: bool = False

    def is_needed(self, log_in: str) -> bool:
        """Return whether this way to log in needs the key."""
        return not self.log_ins or log_in in self.log_ins


def _leads_to_a_crm(url: str) -> str:
    try:
        return checked_address(url, "")
    except (ForeignAddress, ValueError):
        raise ValueError("no https address") from None


Address = Annotated[str, AfterValidator(_leads_to_a_crm)]
"""Where a CRM answers: https, or plain http to this machine."""


def _names_a_path(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError("no path")
    return text


PathText = Annotated[str, AfterValidator(_names_a_path)]
"""A path as people write it."""

Mark = TypeVar("Mark", Secret, PinsOrg, LocalPath, LogIn, Question, Example)


class ConnectorSettings(BaseModel):
    """The section ``[crm.<name>]`` of a configuration; an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    log_ins: ClassVar[tuple[str, ...]] = ()
    """Ways to log in that ``init`` offers, the one to prefer first."""
    mapping: str

    @classmethod
    def marked(cls, kind: type[Mark]) -> Iterator[tuple[str, Mark]]:
        """Yield the fields that bear a mark of some kind, with the mark."""
        for name, field in cls.model_fields.items():
            for mark in field.metadata:
                if isinstance(mark, kind):
                    yield name, mark

    def values_of(self, kind: type[Mark]) -> dict[str, object]:
        """Return the fields that bear a mark and are filled, with their values."""
        values = {name: getattr(self, name) for name, _ in self.marked(kind)}
        return {name: value for name, value in values.items() if value is not None}

    def is_on_this_machine(self) -> bool:
        """Return whether nothing that is written leaves this machine.

        A connector that does not say so may reach a company's real customers.
        """
        return False


class UndeclaredSettings(ConnectorSettings):
    """The section of a connector without a model: the connector knows its keys."""

    model_config = ConfigDict(extra="allow")
