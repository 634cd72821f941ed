"""Where a customer stands between the visit and the report: what is answered, what not.

A visit is done when each must-item that applies has an answer; a note is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handover.answers.confirmations import Confirmation, list_standing
from handover.answers.remarks import Remark
from handover.meeting.questions import Questions


@dataclass(frozen=True, kw_only=True)
class VisitProgress:
    """What came back of one customer.

    ``answers`` are those that count; ``open`` the must-items without one. ``missed``
    says why the visit did not take place, if that is the last that was heard.
    """

    account_id: str
    answers: tuple[Confirmation, ...] = ()
    remarks: tuple[Remark, ...] = ()
    open: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    """The must-items that the CRM does not have."""
    missed: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to ask."""
        return bool(self.answers) and not self.open

    @property
    def found_out(self) -> int:
        """The items of which it is known now what holds: its yield."""
        told = [a.item for a in self.answers if a.result in ("confirmed", "corrected")]
        return len({*told})

    @property
    def notes(self) -> tuple[Remark, ...]:
        """What was noted in free words."""
        return tuple(each for each in self.remarks if each.kind == "note")


def find_progress(
    questions: Questions, made: Sequence[Confirmation], remarks: Sequence[Remark]
) -> VisitProgress:
    """Find where a customer stands.

    Args:
        questions: what can be asked of it.
        made: its answers, the oldest first.
        remarks: on it, the oldest first.
    """
    standing = list_standing(made)
    answered = {each.item for each in standing}
    return VisitProgress(
        account_id=questions.account_id,
        answers=tuple(standing),
        remarks=tuple(remarks),
        open=tuple(code for code in questions.musts if code not in answered),
        gaps=questions.gaps,
        missed=_find_missed(made, remarks),
    )


def _find_missed(made: Sequence[Confirmation], remarks: Sequence[Remark]) -> str | None:
    """Return why the visit was missed; an answer that came later makes up for it."""
    missed = [each for each in remarks if each.kind == "missed"]
    if not missed or any(a.recorded_at > missed[-1].recorded_at for a in made):
        return None
    return missed[-1].text or ""
