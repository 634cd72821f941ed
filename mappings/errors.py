"""What can be wrong with a mapping; each is corrected in its TOML file.

Each class has a stable ``code`` whose words stand in the catalogue; the parameters
fill them: ``file``, ``line`` (empty where it cannot be told), ``place`` (both), ``key``
and, where a name is not known, ``name`` and ``suggestion`` (the nearest one, else some
that are known).
"""


class MappingError(Exception):
    """A mapping cannot be used as it is."""

    code: str = "bad_mapping"
    exit_code: int = 2

    def __init__(self, **params: object) -> None:
        """Keep what the message needs."""
        file, line = params.get("file", ""), params.get("line", "")
        self.params = {**params, "place": f"{file}:{line}" if line else file}
        super().__init__(
            f"{self.code}: " + ", ".join(f"{k}={v}" for k, v in params.items())
        )


class BadMapping(MappingError):
    """The file is no TOML, or a value has the wrong shape (``detail``)."""


class UnknownMapping(MappingError):
    """There is no mapping of this name and no file of this path."""

    code = "unknown_mapping"


class CircularMapping(MappingError):
    """A mapping extends itself, directly or through others (``chain``)."""

    code = "circular_mapping"


class UnknownTable(MappingError):
    """The common schema has no such table."""

    code = "unknown_table"


class UnknownColumn(MappingError):
    """The table has no such column (``table``)."""

    code = "unknown_column"


class UnknownConversion(MappingError):
    """A field mapping uses a word that the language does not have."""

    code = "unknown_conversion"


class UnknownWord(MappingError):
    """``values`` leads to a word that the column does not know (``known``)."""

    code = "unknown_mapping_word"


class SeveralProblems(MappingError):
    """The CRM lacks several things that the mapping names (``problems``)."""

    code = "mapping_problems"


class RequiredTable(MappingError):
    """A table without which nothing can be audited is not mapped or not there.

    ``found``: what is there instead.
    """

    code = "required_table"


class RequiredColumn(MappingError):
    """A mapped table lacks a column that it must have (``table``, ``object``).

    ``found``: the columns that it has.
    """

    code = "required_column"


class UnknownField(MappingError):
    """The CRM's object has no such field (``object``, ``found``)."""

    code = "unknown_field"


class MissingObject(MappingError):
    """The CRM has no such object, the folder no such file (``found``)."""

    code = "missing_object"


class NotInvertible(MappingError):
    """This value cannot be said in the CRM's words (``value``)."""

    code = "not_invertible"


class UnknownKey(MappingError):
    """A section has a key that the language does not know."""

    code = "unknown_mapping_key"
