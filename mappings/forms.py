"""The forms a field mapping can take: where a column's value comes from in the CRM.

A form knows which fields of its own object it needs (``names``) and says itself in one
line. What it does to rows stands in ``cells.py``.
"""

from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _word(value: object) -> object:
    """Say a TOML scalar as text: ``true`` and ``1`` are handy in ``values``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Word = Annotated[str, BeforeValidator(_word)]
Name = Annotated[str, Field(min_length=1)]
Mark = Literal[".", ","]
"""What stands before decimal places."""


class Lookup(NamedTuple):
    """One index over another object: the value of ``match`` leads to ``take``."""

    object: str
    match: str
    take: str


class Form(BaseModel):
    """What all forms share.

    ``optional``: a field that the CRM does not have is unmapped instead of an error; a
    file sets it for all its fields at once by ``optional = true`` at its top.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: ClassVar[str]
    """The word by which this form is recognised in a mapping."""
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Name the fields of its own object that it reads."""
        return ()

    @classmethod
    def words(cls) -> list[str]:
        """Name the words of this form, as a mapping writes them."""
        return [info.alias or name for name, info in cls.model_fields.items()]


class Plain(Form):
    """The value of one field, as it is."""

    key = "field"
    field: Name

    @property
    def names(self) -> tuple[str, ...]:
        """Name the field."""
        return (self.field,)

    def __str__(self) -> str:
        return self.field


class Recoded(Plain):
    """The value of one field in other words; what is not listed stays as it is."""

    key = "values"
    values: dict[str, Word] = Field(min_length=1)

    def __str__(self) -> str:
        words = ", ".join(f"{key} = {word}" for key, word in self.values.items())
        return f"{self.field} ({words})"


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Dated(Plain):
    """A day or time in a notation of its own, or in one of several.

    A notation is one of ``strptime``; with ``excel`` a number is the day that a
    spreadsheet counts so.
    """

    key = "date_format"
    date_format: Annotated[
        tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)
    ]

    def __str__(self) -> str:
        return f"{self.field} ({', '.join(self.date_format)})"


class Marked(Plain):
    """A number whose decimal places stand behind a comma."""

    key = "decimal"
    decimal: Mark

    def __str__(self) -> str:
        return f"{self.field} (1{self.decimal}5)"


class Joined(Form):
    """Several fields in one text; empty ones are left out."""

    key = "fields"
    fields: tuple[Name, ...] = Field(min_length=1)
    join: str = " "

    @property
    def names(self) -> tuple[str, ...]:
        """Name the fields, in their order."""
        return self.fields

    def __str__(self) -> str:
        return " + ".join(self.fields)


class Constant(Form):
    """The same value in every row."""

    key = "constant"
    constant: Word

    def __str__(self) -> str:
        return f'"{self.constant}"'


class Product(Form):
    """The product of several numbers; empty when one of them is."""

    key = "multiply"
    multiply: tuple[Name, ...] = Field(min_length=2)
    decimal: Mark | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Name the factors."""
        return self.multiply

    def __str__(self) -> str:
        return " × ".join(self.multiply)


class Path(BaseModel):
    """The way through another object; ``field`` is our side if named otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: Name
    match: Name
    take: Name
    field: str = ""


class Found(Form):
    """A value of the record of another object that our field names.

    Where there is none, a reference keeps what is recorded (an owner or account that
    nobody knows), any other column is empty.
    """

    key = "lookup"
    lookup: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Name the field on our side."""
        return (self.lookup.field or self.lookup.match,)

    @property
    def index(self) -> Lookup:
        """Name the index that it looks into."""
        return Lookup(self.lookup.object, self.lookup.match, self.lookup.take)

    def __str__(self) -> str:
        way = self.lookup
        return f"{way.object}: {way.take} ({way.match} = {self.names[0]})"


class Derived(Form):
    """The owner of an account, worked out from its opportunities or orders.

    A rule, not a fact: every audit says so, and such an owner cannot be written.
    """

    key = "from"
    table: Literal["opportunities", "orders"] = Field(alias="from")
    pick: Literal["latest", "most"]

    def __str__(self) -> str:
        return f"{self.table} ({self.pick})"


FORMS: tuple[type[Form], ...] = (
    Recoded,
    Dated,
    Joined,
    Constant,
    Product,
    Found,
    Derived,
    Marked,
    Plain,
)
"""In the order in which they are recognised."""
