"""Where a rotated refresh token is kept between runs."""

from dataclasses import dataclass
from pathlib import Path

from connectors.disk import replace_file


@dataclass(frozen=True, kw_only=True)
class TokenFile:
    """A file that only its owner can read."""

    folder: Path
    source: str

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.source}-refresh-token"

    def read(self) -> str | None:
        """Return the token that was kept last."""
        try:
            return self._path.read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def save(self, token: str) -> None:
        """Keep a token; it is on the disk when this returns."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._path, token.encode(), mode=0o600)
