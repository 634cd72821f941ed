"""Why nothing can be put together for a handover's meetings, or kept of them."""

from handover.errors import Refusal, UsageProblem


class NotOfPlan(UsageProblem):
    """Somebody has no part in a plan (``user``, ``plan``, ``people``, ``date``)."""

    code = "not_of_plan"


class NotHandedOver(UsageProblem):
    """A plan leaves customers out (``plan``, ``accounts``)."""

    code = "not_handed_over"


class NotAsked(UsageProblem):
    """An item does not apply to a customer (``item``, ``account``)."""

    code = "not_asked"


class PersonNeeded(UsageProblem):
    """Nobody says who of the customer said so (``people``)."""

    code = "person_needed"


class ColumnNeeded(UsageProblem):
    """Nobody says which part of an item was corrected (``item``, ``columns``)."""

    code = "column_needed"


class RecordNeeded(UsageProblem):
    """Nobody says which record was corrected (``kind``, ``records``)."""

    code = "record_needed"


class CorrectionNeeded(UsageProblem):
    """A value is given with a result that has none (``result``)."""

    code = "correction_needed"


class ValueNotUsable(UsageProblem):
    """A value does not fit its column (``column``, ``value``, ``why``)."""

    code = "value_not_usable"


class AnswerAhead(UsageProblem):
    """An answer is said to have been given later than now (``at``)."""

    code = "answer_ahead"


class NothingRecorded(UsageProblem):
    """A command to record says nothing that could be recorded."""

    code = "nothing_recorded"


class NotReady(Refusal):
    """Too little is known of a customer to be accepted (``plan account items``)."""

    code = "not_ready"


class NoSheetWorkbook(UsageProblem):
    """A workbook is none of ``meeting sheet``, or of another version (``file``)."""

    code = "no_sheet_workbook"


class StaleSheet(Refusal):
    """What a sheet shows has changed since it was made (``file plan count rows``)."""

    code = "stale_sheet"
