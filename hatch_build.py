"""Compile the message catalogues when the package is built.

``python hatch_build.py`` does the same in a checkout.
"""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALE = Path(__file__).parent / "handover" / "locale"


def compile_catalogues() -> None:
    """Write each ``.po`` file's ``.mo`` beside it, where it is not already fresh."""
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parts[-3])
        with target.open("wb") as file:
            write_mo(file, catalogue)


class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg]
    """Run before each build, editable ones included."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile what is out of date."""
        compile_catalogues()


if __name__ == "__main__":
    compile_catalogues()
