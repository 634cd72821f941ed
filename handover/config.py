"""The working folder's ``handover.toml``.

Precedence is flag, then ``HANDOVER_*``, then this file, then the defaults below.
Relative paths are relative to the file; secrets are references, looked up when used.
What stands below ``[crm]`` is declared by the connectors.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from connectors.registry import kinds, settings_model
from connectors.settings import ConnectorSettings, PathText
from handover.errors import BadConfig, UsageProblem
from handover.mistakes import (
    check_days,
    check_known,
    no_toml,
    not_a_rehearsal_of,
    unknown_key,
    unreadable,
    wrong_value,
)
from mappings.toml_file import line_of, parse_toml, read_text

FILE = "handover.toml"
JAPAN, YEN = "JP", "JPY"


class NoConfig(UsageProblem):
    """There is no configuration here (``file``)."""

    code = "no_config"


class ConfigSection(BaseModel):
    """A table of the file: what is not declared is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(ConfigSection):
    """``[data]``: where mirror, ledger and runs are kept, and for how long."""

    folder: PathText = ".handover"
    keep_generations: Annotated[int, Field(ge=3)] = 14
    sweep_days: Annotated[int, Field(ge=1)] = 7
    """Days after which hard deletes, and links that changed without a stamp, are looked
    for."""
    keep_runs_days: Annotated[int, Field(ge=1)] = 400


class LedgerConfig(ConfigSection):
    """``[ledger]``: where else than in the folder it stands what the ledger was."""

    anchor: Literal["crm"] | None = None


class NetworkConfig(ConfigSection):
    """``[network]``, for both SDKs."""

    proxy: str = ""
    ca_file: str = ""


class FileConfig(ConfigSection):
    """A section that only names a file."""

    file: PathText | None = None


class TimeConfig(ConfigSection):
    """``[time]``: whether this folder is a rehearsal.

    In a rehearsal ``--as-of`` may be any day, also for what decides or writes. It works
    on exported files or on test servers of this machine, never on a company's CRM.
    """

    rehearsal: Annotated[bool, Field(strict=True)] = False


class PeopleConfig(ConfigSection):
    """``[people]``."""

    file: PathText = "people.csv"


class MoneyConfig(ConfigSection):
    """``[money]``: the currency where the CRM has none."""

    currency: str = YEN

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        if value == YEN:
            return value
        # Only who names another one waits for the list.
        from babel.numbers import list_currencies  # noqa: PLC0415

        return check_known(value, list_currencies())


class CalendarConfig(ConfigSection):
    """``[calendar]``; ``closed`` holds days and ``from/to`` ranges."""

    country: str = JAPAN
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = 4
    closed: tuple[Annotated[str, AfterValidator(check_days)], ...] = ()

    @property
    def names_closed_days(self) -> bool:
        """Whether the file says when the company is closed, even if it never is."""
        return "closed" in self.model_fields_set

    @field_validator("country")
    @classmethod
    def _has_holidays(cls, value: str) -> str:
        if value == JAPAN:  # as above
            return value
        from holidays.registry import COUNTRIES

        return check_known(value, (code for _, code, *_ in COUNTRIES.values()))


class MailConfig(ConfigSection):
    """``[mail]``, only for mails that somebody asks for."""

    sender: Annotated[str, Field(alias="from")] = ""


class StyleConfig(ConfigSection):
    """``[style]``: how a company is addressed."""

    company: Literal["御中", "様"] = "御中"


class Config(ConfigSection):
    """The whole file. ``base`` is the folder it stands in."""

    language: Literal["ja", "en"] | None = None
    timezone: str = "Asia/Tokyo"
    data: DataConfig = DataConfig()
    crm: dict[str, ConnectorSettings] = {}
    ledger: LedgerConfig = LedgerConfig()
    network: NetworkConfig = NetworkConfig()
    time: TimeConfig = TimeConfig()
    people: PeopleConfig = PeopleConfig()
    policy: FileConfig = FileConfig()
    money: MoneyConfig = MoneyConfig()
    calendar: CalendarConfig = CalendarConfig()
    mail: MailConfig = MailConfig()
    style: StyleConfig = StyleConfig()
    base: Annotated[Path, Field(exclude=True)] = Path()

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return check_known(value, available_timezones())
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days begin."""
        return ZoneInfo(self.timezone)

    @property
    def data_folder(self) -> Path:
        """The folder of mirror, ledger and runs."""
        return self.base / self.data.folder

    def path(self, text: str) -> Path:
        """Resolve a path of the file."""
        return self.base / text


def find_config(flag: str | None, environ: Mapping[str, str]) -> Path:
    """Choose the file: flag, ``HANDOVER_CONFIG``, the current folder."""
    return Path(flag or environ.get("HANDOVER_CONFIG") or FILE)


def load_config(path: Path) -> Config:
    """Read and check the file.

    Raises:
        NoConfig: it does not exist.
        BadConfig: it is no TOML, or a key or value is wrong; names the line.
        RetiredLogin: it asks for a log-in by password, which its CRM ends.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise NoConfig(file=path) from None
    except (OSError, UnicodeDecodeError) as error:
        detail = unreadable(error)
        raise BadConfig(file=path, line="", key="", detail=detail) from error
    try:
        content = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        line, detail = no_toml(error)
        raise BadConfig(file=path, line=line or "", key="", detail=detail) from error
    content["crm"] = _sources(path, text, content.get("crm", {}))
    try:
        config = Config.model_validate({**content, "base": path.resolve().parent})
    except ValidationError as error:
        raise _bad(path, text, error, Config) from error
    _check_rehearsal(path, text, config)
    return config


def _check_rehearsal(path: Path, text: str, config: Config) -> None:
    """Let a rehearsal touch nothing but this machine."""
    away = [name for name, one in config.crm.items() if not one.is_on_this_machine()]
    if config.time.rehearsal and away:
        raise BadConfig(
            file=path,
            line=line_of(text, ["time", "rehearsal"]) or "",
            key="time.rehearsal",
            detail=not_a_rehearsal_of(away[0]),
        )


def _sources(path: Path, text: str, given: object) -> object:
    """Read the sections of the connectors, each by the model that it declares.

    Returns:
        The sections in the order of the connectors; what is no table as it stands.
    """
    if not isinstance(given, dict):
        return given
    known = kinds()
    found: dict[str, ConnectorSettings] = {}
    for name in sorted(given, key=lambda name: (name in known, name)):
        if name not in known:
            line, detail = line_of(text, ["crm", name]), unknown_key(name, known)
            raise BadConfig(file=path, line=line, key=f"crm.{name}", detail=detail)
        model = settings_model(name)
        try:
            found[name] = model.model_validate(given[name])
        except ValidationError as error:
            raise _bad(path, text, error, model, "crm", name) from error
    return {name: found[name] for name in known if name in found}


def _bad(
    path: Path,
    text: str,
    error: ValidationError,
    model: type[BaseModel],
    *section: str,
) -> BadConfig:
    """Name the first mistake of a section, with its line and the nearest key."""
    first = error.errors()[0]
    # The place in a list is found where the list stands.
    found = [part for part in first["loc"] if isinstance(part, str)]
    keys, detail = [*section, *found], wrong_value(error)
    if first["type"] == "extra_forbidden":
        detail = unknown_key(keys[-1], _known(model, found[:-1]))
    return BadConfig(
        file=path, line=line_of(text, keys) or "", key=".".join(keys), detail=detail
    )


def _known(model: type[BaseModel], keys: list[str]) -> list[str]:
    """List the keys that may stand in a section below a model's."""
    section: Any = model
    for key in keys:
        annotation = section.model_fields[key].annotation
        options = getattr(annotation, "__args__", (annotation,))
        section = next(
            o for o in options if isinstance(o, type) and issubclass(o, BaseModel)
        )
    return [
        info.alias or name
        for name, info in section.model_fields.items()
        if name != "base"
    ]
