"""What stops a command, sorted by what the user does next.

A class has a stable ``code`` and an ``exit_code``. Its words, in three parts (what
happened, why, what to do), stand in the catalogue under ``error:<code>`` and are filled
with its parameters. ``data`` is a result that exists all the same and is still shown.

Classes that only one folder raises stand in that folder.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Protocol, TypeVar, runtime_checkable

from connectors.errors import ConnectorError
from mappings.errors import MappingError


class ExitCode(IntEnum):
    """What a command ends with; ``handover help exit-codes`` explains each."""

    DONE = 0
    BUG = 1
    USAGE = 2
    GAPS = 3
    SIGN_IN = 4
    REFUSED = 5
    PARTLY = 6
    TRY_LATER = 7
    INTERRUPTED = 130


_WORST_FIRST = (
    ExitCode.BUG,
    ExitCode.INTERRUPTED,
    ExitCode.SIGN_IN,
    ExitCode.USAGE,
    ExitCode.REFUSED,
    ExitCode.TRY_LATER,
    ExitCode.PARTLY,
    ExitCode.GAPS,
    ExitCode.DONE,
)
"""What somebody has to mend comes before what mends itself by waiting."""


def worst_code(codes: Iterable[int]) -> int:
    """Return the exit code that matters most among several; 0 where there is none."""
    return min(codes, key=_rank, default=ExitCode.DONE)


def _rank(code: int) -> int:
    return _WORST_FIRST.index(ExitCode(code))


@runtime_checkable
class KnownError(Protocol):
    """An error whose words are in the catalogue, under ``error:<code>``.

    All three packages have such errors; ``connectors`` and ``mappings`` need not know
    this one for that. A parameter may itself be a known error or a phrase: ``Words``
    puts it into words, and ``{error.what}``, ``{error.why}`` and ``{error.remedy}``
    stand for its parts.
    """

    @property
    def code(self) -> str:
        """The stable name, in JSON and in the catalogue."""

    @property
    def exit_code(self) -> int:
        """What a command ends with that was stopped by it."""

    @property
    def params(self) -> Mapping[str, object]:
        """What fills the gaps of its words."""


class HandoverError(Exception):
    """Something that the user can mend; every subclass says what."""

    code: str
    exit_code: int

    def __init__(
        self, *, data: Mapping[str, object] | None = None, **params: object
    ) -> None:
        """Keep the parameters of the message, and a result that exists all the same."""
        self.params = params
        self.data = data
        super().__init__(
            f"{self.code}: " + ", ".join(f"{k}={v}" for k, v in params.items())
        )


KNOWN_ERRORS = (HandoverError, ConnectorError, MappingError)
"""The roots of all known errors, for ``except``: Python catches no protocols."""

KnownException = HandoverError | ConnectorError | MappingError
"""What ``except KNOWN_ERRORS`` gives, where it is kept to be raised again."""

AnyError = TypeVar("AnyError", bound=KnownError)


def worst_first(errors: Iterable[AnyError]) -> list[AnyError]:
    """Return the errors in the order in which they matter."""
    return sorted(errors, key=lambda error: _rank(error.exit_code))


class UsageProblem(HandoverError):
    """The command, the configuration or a name is wrong; nothing was tried."""

    exit_code = ExitCode.USAGE


class Refusal(HandoverError):
    """The rules do not allow it; somebody has to decide something first."""

    exit_code = ExitCode.REFUSED


class NotARehearsal(Refusal):
    """What decides or writes follows the real day (``as_of``, ``today``)."""

    code = "not_a_rehearsal"


class Partly(HandoverError):
    """It went through, but not for every row."""

    exit_code = ExitCode.PARTLY


class TryLater(HandoverError):
    """Nothing is wrong with the request; the surroundings do not allow it now."""

    exit_code = ExitCode.TRY_LATER


class UnknownName(UsageProblem):
    """Nobody and nothing has this name (``kind``, ``name``, ``suggestion``)."""

    code = "unknown_name"


class AmbiguousName(UsageProblem):
    """Several have this name (``kind``, ``name``, ``candidates``)."""

    code = "ambiguous_name"


class NoGeneration(UsageProblem):
    """There is no mirror yet: nothing was synced."""

    code = "no_generation"


class BadConfig(UsageProblem):
    """The configuration file is wrong (``file``, ``line``, ``key``, ``detail``)."""

    code = "bad_config"


class BadPolicy(UsageProblem):
    """The policy file is wrong (``file``, ``line``, ``key``, ``detail``)."""

    code = "bad_policy"


class NoDecider(UsageProblem):
    """A decision needs a person: ``--as``, HANDOVER_USER or a CRM identity."""

    code = "no_decider"


class WrongOrg(Refusal):
    """The CRM that answered is not the one configured or named."""

    code = "wrong_org"


class Locked(TryLater):
    """Another run holds the lock (``pid``, ``host``, ``since``, ``command``)."""

    code = "locked"


class DiskFull(TryLater):
    """The disk is full; what was not reported done was not done."""

    code = "disk_full"


class LittleMemory(TryLater):
    """The machine or a limit gives this process too little memory (``detail``)."""

    code = "little_memory"


class FewHandles(TryLater):
    """This process may not open as many files as the work takes (``detail``)."""

    code = "few_handles"
