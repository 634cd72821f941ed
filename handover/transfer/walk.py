"""Walks a list of steps, exactly once each.

The intent of a batch is on disk before its call leaves, its outcome after. A reply that
is lost is settled by reading. What cannot be decided stays in doubt, and what follows
an account in doubt waits for the next run.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.base import Capability, Connector, Outcome, Row
from connectors.errors import ConnectorError
from handover.errors import Refusal
from handover.ledger.runs import INTERRUPTED, OVERRULED, UNREAD, StepResult
from handover.ledger.states import Action
from handover.ledger.writes import Place
from handover.transfer.crash_points import Reached
from handover.transfer.journal import Journal
from handover.transfer.readings import (
    ALREADY,
    CHANGED,
    FRESH,
    Clock,
    Readings,
    held,
    judge,
)
from handover.transfer.settle import IN_DOUBT, Sent, read_back, settle
from handover.transfer.steps import Step, waves


@dataclass(kw_only=True)
class Walk:
    """One walk through the steps of a run, and what has become of them so far.

    ``stopped`` is asked before each batch. ``allowed`` is called before each intent and
    raises when the journal could not be kept.
    """

    connector: Connector
    journal: Journal
    readings: Readings
    clock: Clock
    stopped: Callable[[], bool]
    allowed: Callable[[], None]
    reached: Reached
    results: dict[int, StepResult] = field(default_factory=dict)
    doubts: Collection[str] = ()
    """Keys of creates that an earlier run left in doubt: never sent again."""
    overruled: Mapping[Place, str | None] = field(default_factory=dict)
    """Where the CRM overruled an earlier run, and what it held then: not sent again."""
    window: dt.timedelta = dt.timedelta(0)
    """The longest time between the last reading of a record and its write."""
    failure: ConnectorError | None = None
    """What stopped the connector as a whole."""
    refusal: Refusal | None = None
    """Why what allowed the steps does so no longer: somebody decided meanwhile."""
    _account_steps: dict[str, int] = field(default_factory=dict)

    def walk(self, steps: Sequence[Step]) -> None:
        """Take all steps, wave by wave; afterwards each has a result."""
        self._account_steps = {
            step.account_id: step.n
            for step in steps
            if step.action is Action.ACCOUNT_OWNER and step.account_id
        }
        for wave in waves(steps):
            self._wave(wave)
        self._settle_rest(steps)
        self.reached("steps_walked")

    @property
    def interrupted(self) -> bool:
        """Tell whether a person stopped the walk before its end."""
        return any(result.code == INTERRUPTED for result in self.results.values())

    def _wave(self, wave: Sequence[Step]) -> None:
        ready = self._guarded(self._free(wave))
        waiting = iter(ready)
        for batch in self.connector.batches([step.change for step in ready]):
            steps = [next(waiting) for _ in batch]
            if self.readings.age(steps) > FRESH:
                steps = self._guarded(steps)
            self._send(self._free(steps))
        self._read_back(wave)

    def _free(self, steps: Sequence[Step]) -> list[Step]:
        """Keep the steps that nothing outside their record holds back."""
        codes = {step.n: self._obstacle(step) for step in steps}
        self._record(
            {n: StepResult(outcome="skipped", code=c) for n, c in codes.items() if c}
        )
        return [step for step in steps if codes[step.n] is None]

    def _obstacle(self, step: Step) -> str | None:
        if self.failure is not None:
            return self.failure.code
        if self.refusal is not None:
            return self.refusal.code
        if self.stopped():
            return INTERRUPTED
        if step.key in self.doubts:
            return "still_in_doubt"
        numbers = [self._account_steps.get(account) for account in step.follows]
        outcomes = {self.results[n].outcome for n in numbers if n is not None}
        if "in_doubt" in outcomes:
            return "account_in_doubt"
        return None if outcomes <= {"done"} else "account_not_done"

    def _guarded(self, steps: Sequence[Step]) -> list[Step]:
        """Read the records of steps and keep the steps that are still to be taken."""
        try:
            self.readings.refresh(steps)
        except ConnectorError as error:
            self.failure = error
            return self._free(steps)
        keyed = Capability.KEYED_CREATES in self.connector.capabilities
        found = {
            step.n: self._judge(step, self.readings.row(step), keyed=keyed)
            for step in steps
        }
        self._record({n: result for n, result in found.items() if result})
        return [step for step in steps if found[step.n] is None]

    def _judge(self, step: Step, row: Row | None, *, keyed: bool) -> StepResult | None:
        """Judge a step by its record; what was overruled once is not tried again."""
        result = judge(step, row, keyed=keyed)
        if result in (None, CHANGED) and row is not None and step.field:
            value = held(row, step.field)
            if step.place in self.overruled and self.overruled[step.place] == value:
                return StepResult(outcome="skipped", code=OVERRULED, message=value)
        return result

    def _read_back(self, wave: Sequence[Step]) -> None:
        """Read what the CRM says it has written; a rule of its own may have undone it.

        What cannot be read now is read by the next run.
        """
        written = [step for step in wave if self.results[step.n].code == UNREAD]
        if not written or self.failure is not None:
            return
        sent = [
            Sent(change=step.change, record_id=self.results[step.n].record_id)
            for step in written
        ]
        try:
            found = read_back(self.connector, sent)
        except ConnectorError as error:
            self.failure = error
            return
        self._record({s.n: result for s, result in zip(written, found, strict=True)})
        self.reached("wave_read_back")

    def _send(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        results = self._attempt(steps)
        again = [step for step in steps if results[step.n] is None]
        if again and self.failure is None and self.refusal is None:
            results |= {n: _ours(r) for n, r in self._attempt(again).items()}
        self._record(
            {n: result or self._without_effect() for n, result in results.items()}
        )
        self.reached("outcome_recorded")

    def _attempt(self, steps: Sequence[Step]) -> dict[int, StepResult | None]:
        """Send steps in one call; None for one that shows no effect afterwards."""
        self.allowed()
        try:
            self.journal.intend([step.n for step in steps], self.clock())
        except Refusal as refusal:
            self.refusal = refusal
            unsent = StepResult(outcome="skipped", code=refusal.code)
            return {step.n: unsent for step in steps}
        self.reached("intent_recorded")
        self.window = max(self.window, self.readings.age(steps))
        outcomes = self._write(steps)
        self.reached("batch_sent")
        sent = list(zip(steps, outcomes, strict=True))
        results: dict[int, StepResult | None] = {s.n: _result(o) for s, o in sent}
        return results | self._settled([s for s, o in sent if o.state == "in_doubt"])

    def _write(self, steps: Sequence[Step]) -> Sequence[Outcome]:
        try:
            outcomes = self.connector.write([step.change for step in steps])
        except ConnectorError as error:
            self.failure = error
            outcomes = []
        if len(outcomes) != len(steps):
            return [Outcome(state="in_doubt", code="reply_lost")] * len(steps)
        errors = (outcome.error for outcome in outcomes if outcome.error is not None)
        self.failure = self.failure or next(errors, None)
        return outcomes

    def _settled(self, steps: Sequence[Step]) -> dict[int, StepResult | None]:
        if not steps:
            return {}
        found: Sequence[StepResult | None] = [IN_DOUBT] * len(steps)
        try:
            found = settle(self.connector, [step.change for step in steps])
        except ConnectorError as error:
            self.failure = self.failure or error
        self.reached("doubt_settled")
        return {step.n: result for step, result in zip(steps, found, strict=True)}

    def _without_effect(self) -> StepResult:
        """Judge a step that was sent and, as reading shows, had no effect."""
        if self.failure is None:
            return IN_DOUBT
        return StepResult(outcome="refused", code=self.failure.code)

    def _settle_rest(self, steps: Sequence[Step]) -> None:
        """Look once more for what was in doubt: a CRM's search may lag behind."""
        doubtful = [s for s in steps if self.results[s.n].outcome == "in_doubt"]
        if self.failure is None:
            found = self._settled(doubtful)
            self._record({n: result for n, result in found.items() if result})

    def _record(self, results: dict[int, StepResult]) -> None:
        self.results |= results
        self.journal.record(results, self.clock())


def _ours(result: StepResult | None) -> StepResult | None:
    """Count as settled what our first attempt had done after all."""
    if result is None or result.code != ALREADY.code:
        return result
    return replace(result, code="settled")


def _result(outcome: Outcome) -> StepResult:
    """Judge a reply; a connector that compares and sets may find an edit itself."""
    if outcome.state == "refused" and outcome.code == CHANGED.code:
        return CHANGED
    is_news = outcome.state == "done" and outcome.code is None
    return StepResult(
        outcome="skipped" if outcome.state == "unsent" else outcome.state,
        code=UNREAD if is_news else outcome.code,
        message=outcome.message,
        record_id=outcome.id,
    )
