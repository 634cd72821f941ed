"""The working folder's ``handover.toml`` (design §13).

Precedence is flag, then ``HANDOVER_*``, then this file, then the defaults below.
Relative paths are relative to the file; secrets are references, looked up when used.
"""

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from connectors.registry import kinds
from connectors.salesforce import refuse_password
from handover.errors import BadConfig, UsageProblem
from handover.mistakes import no_toml, unknown_key, unreadable, wrong_value
from mappings.toml_file import line_of

FILE = "handover.toml"


class NoConfig(UsageProblem):
    """There is no configuration here (``file``)."""

    code = "no_config"


class ConfigSection(BaseModel):
    """A table of the file: what is not declared is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(ConfigSection):
    """``[data]``: where mirror, ledger and runs are kept, and for how long."""

    folder: str = ".handover"
    keep_generations: Annotated[int, Field(ge=3)] = 14
    sweep_days: Annotated[int, Field(ge=1)] = 7
    """Days after which hard deletes, and links that changed without a stamp, are looked
    for (reliability P8)."""
    keep_runs_days: Annotated[int, Field(ge=1)] = 400


class FilesConfig(ConfigSection):
    """``[crm.files]``: a folder of exported files."""

    folder: str = "export"
    mapping: str = "files"


class SalesforceConfig(ConfigSection):
    """``[crm.salesforce]``; which keys are needed depends on ``auth``."""

    org_id: str | None = None
    base_url: str
    auth: Literal["jwt", "client_credentials", "refresh_token", "access_token"]
    client_id: str | None = None
    client_secret: str | None = None
    username: str | None = None
    key: str | None = None
    login_url: str | None = None
    refresh_token: str | None = None
    token: str | None = None
    api_version: str = "64.0"
    daily_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    allow_duplicates: bool = False
    mapping: str = "salesforce"

    @model_validator(mode="before")
    @classmethod
    def _is_no_password(cls, given: Any) -> Any:  # noqa: ANN401 - as the file has it
        """Explain a log-in that ends before its keys are called unknown."""
        if isinstance(given, Mapping):
            refuse_password(given)
        return given


class Rate(ConfigSection):
    """Calls per ten seconds, and searches per second."""

    burst: Annotated[int, Field(ge=1)] = 190
    search: Annotated[int, Field(ge=1)] = 5


class HubSpotConfig(ConfigSection):
    """``[crm.hubspot]``: a token, or the three parts of an OAuth grant."""

    portal_id: int | None = None
    base_url: str = "https://api.hubapi.com"
    token: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    rate: Rate = Rate()
    mapping: str = "hubspot"


class OtherConfig(BaseModel):
    """The section of a connector that is not ours; it knows its keys itself."""

    model_config = ConfigDict(extra="allow", frozen=True)
    mapping: str


CrmConfig = FilesConfig | SalesforceConfig | HubSpotConfig | OtherConfig
OURS = ("files", "salesforce", "hubspot")
ANNOUNCED = "(announced)"
"""What no section is called: under it we sort those of connectors that are not ours."""


class Crm(ConfigSection):
    """``[crm]``: the sources, each under its connector's name."""

    files: FilesConfig | None = None
    salesforce: SalesforceConfig | None = None
    hubspot: HubSpotConfig | None = None
    others: Annotated[dict[str, OtherConfig], Field(alias=ANNOUNCED)] = {}
    """Connectors that announce themselves by an entry point."""

    @model_validator(mode="before")
    @classmethod
    def _announced(cls, value: dict[str, object]) -> dict[str, object]:
        """Sort out what is neither ours nor a mistake."""
        unknown = value.keys() - {*OURS}
        others = {name: value[name] for name in unknown & {*kinds()}} if unknown else {}
        ours = {name: known for name, known in value.items() if name not in others}
        return {**ours, ANNOUNCED: others} if others else ours

    def sections(self) -> Iterator[tuple[str, CrmConfig]]:
        """Yield the configured sources."""
        for name in OURS:
            section = getattr(self, name)
            if section is not None:
                yield name, section
        yield from self.others.items()


class NetworkConfig(ConfigSection):
    """``[network]``, for both SDKs."""

    proxy: str = ""
    ca_file: str = ""


class FileConfig(ConfigSection):
    """A section that only names a file."""

    file: str | None = None


class PeopleConfig(ConfigSection):
    """``[people]``."""

    file: str = "people.csv"


class MoneyConfig(ConfigSection):
    """``[money]``: the currency where the CRM has none."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "JPY"


class CalendarConfig(ConfigSection):
    """``[calendar]``; ``closed`` holds days and ``from/to`` ranges."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "JP"
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = 4
    closed: tuple[str, ...] = ()

    @field_validator("closed")
    @classmethod
    def _is_days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            for part in text.split("/", 1):
                dt.date.fromisoformat(part)
        return value


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
    crm: Crm = Crm()
    network: NetworkConfig = NetworkConfig()
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
        if value not in available_timezones():
            raise ValueError("no such time zone")
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
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NoConfig(file=path) from None
    except (OSError, UnicodeDecodeError) as error:
        detail = unreadable(error)
        raise BadConfig(file=path, line="", key="", detail=detail) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, detail = no_toml(error)
        raise BadConfig(file=path, line=line or "", key="", detail=detail) from error
    try:
        return Config.model_validate({**content, "base": path.resolve().parent})
    except ValidationError as error:
        raise _bad(path, text, error) from error


def _bad(path: Path, text: str, error: ValidationError) -> BadConfig:
    """Tell the first mistake, with its line and the nearest key."""
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"] if part != ANNOUNCED]
    detail = wrong_value(error)
    if first["type"] == "extra_forbidden":
        detail = unknown_key(keys[-1], _known(keys[:-1]))
    return BadConfig(
        file=path, line=line_of(text, keys) or "", key=".".join(keys), detail=detail
    )


def _known(keys: list[str]) -> list[str]:
    """Name the keys that may stand in a section."""
    section: Any = Config
    for key in keys:
        annotation = section.model_fields[key].annotation
        options = getattr(annotation, "__args__", (annotation,))
        section = next(
            o for o in options if isinstance(o, type) and issubclass(o, BaseModel)
        )
    return [
        info.alias or name
        for name, info in section.model_fields.items()
        if name not in {"base", "others"}
    ]
