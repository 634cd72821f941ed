"""The console: the way on which a result leaves as text for people."""

import errno
import os
from typing import Any

from rich import console
from rich.text import Text

from handover.safe_text import plain, plain_lines


class Console(console.Console):
    """A console on which a text is one line of plain characters, whatever it holds.

    It reads no markup, no emoji codes and no addresses in what it prints.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - rich's
        """Take rich's options but those for what is read into a text."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - rich's
        """Make a text plain; rich calls this for each text, cell and title."""
        return super().render_str(plain(text), **options)

    def on_broken_pipe(self) -> None:
        """Let who prints end the command; rich would end the process."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def script(text: str) -> Text:
    """Return a text of ours that has several lines, to be printed as it stands."""
    return Text(plain_lines(text))
