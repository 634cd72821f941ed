"""What a reorganisation says of one predecessor's accounts, line by line."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Move:
    """One line of a reorganisation. Without an account: all that no line names."""

    account_id: str | None = None
    successor_id: str | None
    effective: dt.date | None = None
