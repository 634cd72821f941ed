"""Why a plan is refused, or cannot be drawn up."""

from handover.errors import ExitCode, HandoverError, Refusal, UsageProblem


class PeriodTooShort(Refusal):
    """A must row has no slot (``plan``, ``rows``, ``days``, ``minimum``, ``end``)."""

    code = "period_too_short"


class PeriodsTooShort(Refusal):
    """The same, in several plans at once (``reorganisation``, ``plans``)."""

    code = "periods_too_short"


class AlreadyPlanned(Refusal):
    """Another open plan has these accounts (``plan``, ``accounts``)."""

    code = "already_planned"


class InactiveSuccessor(Refusal):
    """Somebody who is to take over is not active (``user``)."""

    code = "inactive_successor"


class HoldByInactiveOwner(Refusal):
    """Nothing can be held by somebody who is no longer there (``user``)."""

    code = "hold_inactive_owner"


class NotYours(Refusal):
    """Others decide this (``user``, ``plan``, ``option``, ``deciders``)."""

    code = "not_yours"


class TooManyHeld(Refusal):
    """More opportunities are held than the policy allows without the manager.

    With ``plan``, ``held``, ``open``, ``most``, ``share`` and ``deciders``.
    """

    code = "too_many_held"


class WrongApprover(Refusal):
    """Somebody else has to approve or reject (``user``, ``plan``, ``approvers``)."""

    code = "wrong_approver"


class OnBehalfNeeded(Refusal):
    """The login is another person's than the decision (``user``, ``login``)."""

    code = "on_behalf_needed"


class OnBehalfForbidden(Refusal):
    """The policy forbids deciding on behalf of others (``user``, ``login``)."""

    code = "on_behalf_forbidden"


class WrongState(Refusal):
    """The plan's state does not allow it (``plan``, ``state``, ``action``)."""

    code = "wrong_state"


class CoAttendanceUndecided(Refusal):
    """Nobody said whether the manager attends (``plan``, ``accounts``, ``options``).

    ``options`` are those of the command that decides it.
    """

    code = "co_attendance_undecided"


class ManagerNotFree(Refusal):
    """Visits have no room for the manager (``manager``, ``accounts``, ``limit``)."""

    code = "manager_not_free"


class RejectedUnchanged(Refusal):
    """A plan was sent back, and nothing is different (``plan person reason``)."""

    code = "rejected_unchanged"


class VisitUndecided(Refusal):
    """Rows that must be met have no visit (``plan``, ``accounts``)."""

    code = "visit_undecided"


class LooseUndecided(Refusal):
    """Loose records that block wait for a decision (``plan``, ``records``)."""

    code = "loose_undecided"


class OpportunityUndecided(Refusal):
    """Opportunities with an unread value wait (``plan``, ``opportunities``)."""

    code = "opportunity_undecided"


class OwnerUnread(Refusal):
    """Nobody can tell whose open opportunities are (``plan``, ``opportunities``)."""

    code = "owner_unread"


class CarriedOut(Refusal):
    """What was carried out cannot be decided again (``plan``, ``accounts``)."""

    code = "carried_out"


class LeaverKeeps(Refusal):
    """Somebody who has left would keep records (``user``, ``plan``, ``records``)."""

    code = "leaver_keeps"


class AbsentUndecided(Refusal):
    """Nobody decided who cares for customers (``user``, ``plan``, ``accounts``)."""

    code = "absent_undecided"


class SuccessorMissing(Refusal):
    """Nobody is named to take over (``plan``, ``accounts``)."""

    code = "successor_missing"


class NoVisit(Refusal):
    """A customer has no date to agree to or to decline (``plan``, ``account``)."""

    code = "no_visit"


class VisitDeclined(Refusal):
    """Customers declined their visits; what then is open (``plan``, ``accounts``)."""

    code = "visit_declined"


class CustomerReturned(Refusal):
    """Successors do not take customers over (``plan``, ``accounts``)."""

    code = "customer_returned"


class VisitMissed(Refusal):
    """Visits did not take place, and nobody decided what then (``plan accounts``)."""

    code = "visit_missed"


class DateNotFree(Refusal):
    """A visit does not fit on the day set for it (``account``, ``date``, ``why``)."""

    code = "date_not_free"


class DatesNotFree(Refusal):
    """Several visits do not fit on the days set for them (``count``, ``refused``)."""

    code = "dates_not_free"


class Unapproved(Refusal):
    """The plan, as it stands, is not approved (``plan``, ``why``, ``command``)."""

    code = "unapproved"


class Voided(Refusal):
    """The plan was ended by a person (``plan``)."""

    code = "voided"


class Ended(Refusal):
    """A manager ended the plan early (``plan``)."""

    code = "ended"


class NotReported(Refusal):
    """Nobody has reported what came of the plan (``plan``, ``persons``)."""

    code = "not_reported"


class Closed(Refusal):
    """The handover is over (``plan``)."""

    code = "closed"


class Expired(Refusal):
    """The approval no longer counts (``plan``, ``expired``)."""

    code = "expired"


class TermsChanged(Refusal):
    """What a plan was approved under is different (``plan``, ``differences``)."""

    code = "terms_changed"


class OtherVersion(Refusal):
    """Another version was read than stands (``plan read newest changes``)."""

    code = "other_version"


class NotConfirmed(Refusal):
    """Whoever was asked did not agree to what was shown (``plan``, ``version``)."""

    code = "approval_not_confirmed"


class DraftDecided(Refusal):
    """A draft holds decisions that a new one would lose (``plan users changes``)."""

    code = "draft_decided"


class NoManager(UsageProblem):
    """Nobody is accountable for the predecessor (``user``, ``file``)."""

    code = "no_manager"


class BadMoves(UsageProblem):
    """The list of moves is wrong (``file``, ``count``, ``mistakes``)."""

    code = "bad_moves"


class BadPeriod(UsageProblem):
    """Dates are in the wrong order (``earlier``, ``later``)."""

    code = "bad_period"


class SameUser(UsageProblem):
    """Somebody would hand over to himself (``user``)."""

    code = "same_user"


class NothingOwned(UsageProblem):
    """The predecessor owns no account (``user``)."""

    code = "nothing_owned"


class NotOwned(UsageProblem):
    """A move names an account of somebody else (``account``, ``user``)."""

    code = "not_owned"


class NotInPlan(UsageProblem):
    """The plan has no such row or record (``plan``, ``kind``, ``id``)."""

    code = "not_in_plan"


class BadEdit(UsageProblem):
    """An option's value cannot be read (``option``, ``value``, ``form``)."""

    code = "bad_edit"


class Contradiction(UsageProblem):
    """Two options decide the same row differently (``account``)."""

    code = "contradiction"


class ReasonNeeded(UsageProblem):
    """A decision against the rules needs words (``option``)."""

    code = "reason_needed"


class UntilNeeded(UsageProblem):
    """A hold needs the day on which it ends."""

    code = "until_needed"


class NothingToEdit(UsageProblem):
    """No option says what should change (``plan``)."""

    code = "nothing_to_edit"


class NoPlanWorkbook(UsageProblem):
    """A workbook was made of no plan, or by another version of the tool (``file``)."""

    code = "no_plan_workbook"


class BadWorkbook(UsageProblem):
    """A workbook says what cannot be taken (``file``, ``count``, ``mistakes``)."""

    code = "bad_workbook"


class ForeignWorkbook(Refusal):
    """A workbook is of another folder's plan (``file``, ``plan``, ``why``)."""

    code = "foreign_workbook"


class StaleWorkbook(Refusal):
    """A plan has changed since its workbook was made.

    With ``file``, ``plan``, ``sent``, ``newest`` and ``changes``: who made which
    version, and when.
    """

    code = "stale_workbook"


class EvidenceDiffers(Refusal):
    """The workbook given as evidence says something else (``file plan cells``)."""

    code = "evidence_differs"


class ImportNotConfirmed(Refusal):
    """Whoever was asked did not agree to what a workbook changes (``file``)."""

    code = "import_not_confirmed"


class ChangedMeanwhile(Refusal):
    """What was shown is not what would be kept now (``plan``)."""

    code = "changed_meanwhile"


class NotConserved(HandoverError):
    """Rows are not exactly the accounts owned: a bug (``missing``, ``extra``)."""

    code = "not_conserved"
    exit_code = ExitCode.BUG


class NotUnderWay(Refusal):
    """Nobody has approved the plan yet (``plan``, ``state``)."""

    code = "not_under_way"
