"""What all parts of a plan are: frozen values with exactly the fields they declare."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]


class Value(BaseModel):
    """A frozen value with exactly the fields it declares."""

    model_config = ConfigDict(frozen=True, extra="forbid")
