"""What stops a command, sorted by what the user does next.

A class has a stable ``code`` and an ``exit_code`` (0 done, 1 bug, 2 usage, 3 gaps,
4 sign in, 5 refused, 6 some rows failed, 7 try later). Its words, in three parts (what
happened, why, what to do), stand in the catalogue under ``error:<code>`` and are filled
with its parameters. ``data`` is a result that exists all the same and is still shown.

Classes that only one folder raises stand in that folder.
"""

from collections.abc import Mapping
from typing import ClassVar


class HandoverError(Exception):
    """Something that the user can mend; every subclass says what."""

    code: ClassVar[str]
    exit_code: ClassVar[int]

    def __init__(
        self, *, data: Mapping[str, object] | None = None, **params: object
    ) -> None:
        """Keep the parameters of the message, and a result that exists all the same."""
        self.params = params
        self.data = data
        super().__init__(
            f"{self.code}: " + ", ".join(f"{k}={v}" for k, v in params.items())
        )


class UsageProblem(HandoverError):
    """The command, the configuration or a name is wrong; nothing was tried."""

    exit_code = 2


class Refusal(HandoverError):
    """The rules do not allow it; somebody has to decide something first."""

    exit_code = 5


class Partly(HandoverError):
    """It went through, but not for every row."""

    exit_code = 6


class TryLater(HandoverError):
    """Nothing is wrong with the request; the surroundings do not allow it now."""

    exit_code = 7


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
