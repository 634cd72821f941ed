"""Who is at the keyboard: the operating system says it."""

import os
import socket
import sys
from dataclasses import dataclass

from handover import __version__


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who is at the keyboard, as the system knows it."""

    user: str
    host: str
    tool_version: str


def read_actor() -> Actor:
    """Return who runs this process, where, and with which version of ours."""
    return Actor(
        user=system_user(), host=socket.gethostname(), tool_version=__version__
    )


def system_user() -> str:
    """Return who runs this process, as the operating system knows them.

    No variable of the environment says it: anybody could set one. A user without a
    name, as containers have, is their number.
    """
    if sys.platform == "win32":
        return os.getlogin()
    import pwd  # not on Windows

    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
