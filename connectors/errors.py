"""What can stop a connector, sorted by what the user does next.

Each class has a ``code`` (stable, in JSON and catalogues) and an ``exit_code`` (see
``handover help exit-codes``); the parameters fill the words of the catalogue. What goes
wrong with one record is no exception but an ``Outcome``.
"""


class ConnectorError(Exception):
    """Something stopped the connector as a whole."""

    code: str = "connector_failed"
    exit_code: int = 7

    def __init__(self, **params: object) -> None:
        """Keep what the message needs; ``source`` and ``detail`` are customary."""
        self.params = params
        super().__init__(", ".join(f"{name}={value}" for name, value in params.items()))


class AuthenticationFailed(ConnectorError):
    """The CRM does not accept our credentials, or they have run out."""

    code = "authentication_failed"
    exit_code = 4


class SettingRejected(AuthenticationFailed):
    """A setting of the log-in is wrong (``setting``; ``detail`` says what for)."""

    code = "setting_rejected"


class LogInRefused(AuthenticationFailed):
    """The CRM refuses to log us in and blames no setting (``detail``: its words)."""

    code = "log_in_refused"


class NoTokenAddress(AuthenticationFailed):
    """What answers gives no tokens (``address``, ``settings``, ``detail``)."""

    code = "no_token_address"


class MissingSetting(ConnectorError):
    """The chosen way to log in needs one more setting (``setting``, ``auth``)."""

    code = "missing_setting"
    exit_code = 2


class RetiredLogin(AuthenticationFailed):
    """The CRM's maker ends this way to log in (``auth``, ``ends``)."""

    code = "retired_login"


class NotPermitted(ConnectorError):
    """The CRM knows us and still refuses the call."""

    code = "not_permitted"
    exit_code = 4


class MissingRight(ConnectorError):
    """Our user lacks one right (``right``) for what was asked (``object``)."""

    code = "missing_right"
    exit_code = 4


class RateLimited(ConnectorError):
    """The allowance is used up for longer than a run should wait."""

    code = "rate_limited"
    exit_code = 7


class DailyShareSpent(RateLimited):
    """Others need what is left of the day's calls (``used``, ``total``, ``share``)."""

    code = "daily_share_spent"


class Unreachable(ConnectorError):
    """No answer, or none that this API would give (gateway page, time-out, 5xx)."""

    code = "unreachable"
    exit_code = 7


class Refused(ConnectorError):
    """The CRM understood the call and says that it is wrong."""

    code = "crm_refused"
    exit_code = 2


class QueryTooComplicated(Refused):
    """The CRM cannot work out so much at a time (``object``, ``detail``)."""

    code = "query_too_complicated"


class TooManyFields(Refused):
    """More fields are mapped than one query can name (``object``, ``fields``)."""

    code = "too_many_fields"


class UnknownVersion(Refused):
    """The CRM has no such version of its API (``version``, ``known``)."""

    code = "unknown_version"


class UnknownObject(ConnectorError):
    """The mapping names an object that this CRM does not have."""

    code = "unknown_object"
    exit_code = 2


class UnknownConnector(ConnectorError):
    """There is no connector of this kind (``kind``, ``suggestion``, ``known``)."""

    code = "unknown_connector"
    exit_code = 2


class UnreadableFile(ConnectorError):
    """A file is not what it claims to be (``file``, ``line``, ``detail``)."""

    code = "unreadable_file"
    exit_code = 2


class NulByte(UnreadableFile):
    """A file holds a NUL byte: it is damaged, or no text (``file``, ``line``)."""

    code = "nul_byte"


class UnknownEncoding(UnreadableFile):
    """A file is neither UTF-8 nor Shift_JIS, or both (``file``, ``line``)."""

    code = "unknown_encoding"


class WrongEncoding(UnreadableFile):
    """A file is not in the encoding that was asked for (``file``, ``encoding``)."""

    code = "wrong_encoding"


class UnreadableQuoting(UnreadableFile):
    """A quoted cell is not closed, or goes on behind its end (``file``, ``line``)."""

    code = "unreadable_quoting"


class CellTooLong(UnreadableFile):
    """A cell or a line is longer than a record can be (``file``, ``line``)."""

    code = "cell_too_long"


class WorkbookTooLarge(UnreadableFile):
    """A workbook unpacks to more than we open (``file``, ``megabytes``, ``parts``)."""

    code = "workbook_too_large"


class SheetTooLarge(UnreadableFile):
    """A sheet of a workbook reaches too far.

    (``file``, ``sheet``, ``rows``, ``columns``; at most ``cells`` are read.)
    """

    code = "sheet_too_large"


class EntitiesDeclared(UnreadableFile):
    """A workbook declares entities, as no spreadsheet does (``file``, ``part``)."""

    code = "entities_declared"


class FileTooLarge(UnreadableFile):
    """A file is larger than people write any (``file``, ``megabytes``, ``rows``)."""

    code = "file_too_large"


class RowTooWide(UnreadableFile):
    """A row has more cells than a spreadsheet has columns (``file``, ``line``)."""

    code = "row_too_wide"


class DuplicateColumn(UnreadableFile):
    """The header names a column twice (``file``, ``line``, ``column``)."""

    code = "duplicate_column"


class FileChanged(ConnectorError):
    """A file was written to while we were reading it (``file``)."""

    code = "file_changed"
    exit_code = 7


class ResumeExpired(ConnectorError):
    """Reading cannot go on where it stopped; it has to begin again (``object``)."""

    code = "resume_expired"
    exit_code = 7


class FieldsChanged(ConnectorError):
    """A field that was described is there no more (``object``, ``fields``)."""

    code = "fields_changed"
    exit_code = 7


class FolderMissing(UnreadableFile):
    """The folder of files is not there or cannot be entered (``folder``)."""

    code = "folder_missing"


class FolderEmpty(UnreadableFile):
    """The folder holds no file that we could read (``folder``)."""

    code = "folder_empty"


class OutsideFolder(UnreadableFile):
    """A file name leads out of the folder of files (``name``, ``folder``)."""

    code = "outside_folder"


class FileInUse(ConnectorError):
    """Another program, Excel say, holds the file open."""

    code = "file_in_use"
    exit_code = 7


class ReadOnlySource(ConnectorError):
    """This source cannot be written to (an XLSX folder)."""

    code = "read_only_source"
    exit_code = 5


class ReadOnlyFolder(ConnectorError):
    """The system does not let us write into the folder (``folder``)."""

    code = "read_only_folder"
    exit_code = 5


class FolderFull(ConnectorError):
    """The disk of the folder is full; nothing was changed (``folder``)."""

    code = "disk_full"
    exit_code = 7


class ForeignAddress(ConnectorError):
    """A reply points to another host than the one configured; we do not follow."""

    code = "foreign_address"
    exit_code = 4


class ShortPull(ConnectorError):
    """The CRM promised more rows than it delivered."""

    code = "short_pull"
    exit_code = 7


class ReplyTooLong(ConnectorError):
    """A reply is longer than any of this CRM (``object``, ``megabytes``)."""

    code = "reply_too_long"
    exit_code = 7


class ReplyTooSlow(ConnectorError):
    """A reply comes, but never to its end (``object``, ``seconds``)."""

    code = "reply_too_slow"
    exit_code = 7


class ReplyTooFull(ConnectorError):
    """A reply holds more values than any of this CRM (``object``, ``values``)."""

    code = "reply_too_full"
    exit_code = 7


class EndlessPages(ConnectorError):
    """A page leads on, and to nothing that is new (``object``, ``cursor``)."""

    code = "endless_pages"
    exit_code = 7


class ReplyLost(Exception):
    """A write left and no reply says whether it took effect; no message for people."""
