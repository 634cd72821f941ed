"""``[crm.files]``: a folder of exported files."""

from typing import Annotated

from connectors.settings import (
    ConnectorSettings,
    Example,
    LocalPath,
    PathText,
    Question,
)


class FilesSettings(ConnectorSettings):
    """Where the exported files lie."""

    folder: Annotated[
        PathText,
        LocalPath(),
        Question(text="In which folder are the exports?", default="export"),
        Example(comment="one CSV or XLSX per table"),
    ] = "export"
    mapping: str = "files"

    def is_on_this_machine(self) -> bool:
        """Return true: a folder is written to directly."""
        return True
