"""Where a rotated refresh token is kept between runs."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TokenFile:
    """A file that only its owner can read."""

    folder: Path
    source: str

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.source}-refresh-token"

    def read(self) -> str | None:
        """Give the token that was kept last."""
        try:
            return self._path.read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def save(self, token: str) -> None:
        """Keep a token; it is on the disk when this returns."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_suffix(".tmp")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(token)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        _sync_names(self.folder)


def _sync_names(folder: Path) -> None:
    """Make a new name durable, on systems that can open folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
