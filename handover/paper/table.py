"""Tables on the terminal."""

from typing import Any

from rich import table


class Table(table.Table):
    """A table that cuts nothing off: Japanese has no spaces to break a line at."""

    def add_column(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - rich's
        """Add a column; what is too long goes on in the next line."""
        super().add_column(*args, **{"overflow": "fold", **options})
