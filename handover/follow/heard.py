"""What people told us of a plan's customers: answers, remarks, the successor's word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from handover.answers.acceptances import Acceptance
from handover.answers.confirmations import Confirmation
from handover.answers.remarks import Remark, is_missed
from handover.plan.model import Row


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What people told us of a plan's customers, by account."""

    made: Mapping[str, Sequence[Confirmation]] = field(default_factory=dict)
    remarks: Mapping[str, Sequence[Remark]] = field(default_factory=dict)
    words: Mapping[str, Acceptance] = field(default_factory=dict)

    def is_accepted(self, row: Row) -> bool:
        """Return whether the successor whom a customer is to go to takes it over."""
        return self._has_said(row, "accepted")

    def is_returned(self, row: Row) -> bool:
        """Return whether the successor whom a customer is to go to returned it."""
        return self._has_said(row, "returned")

    def _has_said(self, row: Row, answer: str) -> bool:
        word = self.words.get(row.account_id)
        found = word and (word.answer, word.recorded_by)
        return found == (answer, row.successor_id)

    def is_missed(self, row: Row, zone: ZoneInfo) -> bool:
        """Return whether a customer's visit did not take place, as things stand."""
        if not row.is_met or row.visit is None:
            return False
        made = self.made.get(row.account_id, ())
        remarks = self.remarks.get(row.account_id, ())
        return is_missed(row.visit.date, zone, made, remarks)

    def is_held(self, row: Row, zone: ZoneInfo) -> bool:
        """Return whether a customer was met, and something was answered."""
        has_answered = bool(self.made.get(row.account_id))
        return row.is_met and has_answered and not self.is_missed(row, zone)
