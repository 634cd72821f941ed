"""Why a transfer is refused, or went through only in part."""

from handover.errors import ExitCode, Partly, Refusal, TryLater, UsageProblem


class OwnerNotWritable(Refusal):
    """The owners of a table cannot be written (``table``, ``why``)."""

    code = "owner_not_writable"


class AnswerReplaced(Refusal):
    """A correction no longer counts: the customer was asked again (``plan``)."""

    code = "answer_replaced"


class NotAnnounced(Refusal):
    """Personnel changes are confidential (``plan``, ``announce``, ``remedy``)."""

    code = "not_announced"


class UnlicensedSuccessor(Refusal):
    """Somebody is active and cannot own customers all the same (``user``)."""

    code = "unlicensed_successor"


class TooLarge(Refusal):
    """More accounts would change than the policy allows (``accounts``, ``allowed``)."""

    code = "too_large"


class DriftedApart(Refusal):
    """Others changed too many accounts meanwhile (``drifted``, ``accounts``)."""

    code = "drifted"


class OnlyRehearsed(Refusal):
    """What was decided or written in a rehearsal does not count outside one.

    ``what`` is the plan or run, ``day`` the one that was taken for today then.
    """

    code = "only_rehearsed"


class NotRehearsed(Refusal):
    """What was decided or written in earnest is not rehearsed with (``what``)."""

    code = "not_rehearsed"


class ProductionUnconfirmed(Refusal):
    """Nobody confirmed that this org is meant (``org``, ``name``)."""

    code = "confirm_production"


class NoTaskMapping(Refusal):
    """The mapping does not say how a task is written (``mapping``)."""

    code = "no_task_mapping"


class RunNotYours(Refusal):
    """Others decide whether a run is taken back (``user``, ``run``, ``deciders``)."""

    code = "run_not_yours"


class UnknownRows(UsageProblem):
    """A list of rows names records that the plan does not have (``file``, ``ids``)."""

    code = "unknown_rows"


class BadRowsFile(UsageProblem):
    """A list of rows cannot be read (``file``, ``detail``)."""

    code = "bad_rows_file"


class ReasonMissing(UsageProblem):
    """An option against the rules was given without words (``option``)."""

    code = "reason_missing"


class RunPartly(Partly):
    """Some steps were skipped, refused or are in doubt."""

    code = "partly"


class LedgerBroken(Partly):
    """What the ledger says of runs does not add up (``broken``)."""

    code = "ledger_broken"


class RecordsDiffer(Partly):
    """Records no longer hold what runs wrote last (``records``)."""

    code = "records_differ"


class RunInterrupted(TryLater):
    """A person stopped the run; what is left waits for the next one."""

    code = "interrupted"
    exit_code = ExitCode.INTERRUPTED
