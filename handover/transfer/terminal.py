"""Runs as JSON and on the terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from connectors.base import Identity
from connectors.effects import SideEffect
from handover.i18n import Words
from handover.ledger.runs import OVERRULED, Entry
from handover.ledger.states import TASK_ACTIONS, USER_VALUED, Action
from handover.paper.table import Table
from handover.plan.view import Audience, print_effects
from handover.transfer.execute import Executed

SIGNS = {"done": "○", "skipped": "△", "refused": "×", "in_doubt": "?"}
SHOWN = 40
"""Steps that the terminal lists; the run's folder and ``--json`` have all."""

LONGEST = 40
"""Characters of a value in the table of steps; JSON has all of it."""

STEP_NAMES = (
    "n",
    "source",
    "account_id",
    "action",
    "object",
    "record_id",
    "field",
    "before",
    "after",
    "key",
    "authority",
    "outcome",
    "code",
    "message",
)


def run_json(executed: Executed) -> dict[str, Any]:
    """Return a run as ``--json`` prints it."""
    return {
        "id": executed.run_id,
        "plan": executed.plan_id,
        "state": executed.state,
        "counts": executed.counts,
        "window_seconds": executed.window_seconds,
        "steps": [
            {name: getattr(entry, name) for name in STEP_NAMES}
            for entry in executed.entries
        ],
    }


def print_run(
    executed: Executed,
    identity: Identity | None,
    reader: Audience,
    console: Console,
    shown: int = SHOWN,
) -> None:
    """Print where it went, each step, and how it ended.

    What was not done comes first, with the CRM's own message; of a run that is still
    to be, the side effects are told.
    """
    words = reader.words
    if identity is not None:
        kind = words("PRODUCTION") if identity.production else words("not production")
        console.print(f"{identity.org_name} ({identity.org_id}): {kind}")
    entries = sorted(executed.entries, key=lambda e: e.outcome in ("planned", "done"))
    if entries:
        console.print(_table(entries[:shown], reader))
    if len(entries) > shown:
        more = len(entries) - shown
        console.print(words("... and {n} more steps: --json", n=more))
    _print_reasons(entries[:shown], reader, console)
    if executed.state == "dry_run":
        _print_intentions(executed, words, console)
        print_effects(concerned(reader.effects, entries), words, console)
    else:
        _print_end(executed, words, console)


def concerned(
    effects: Iterable[SideEffect], entries: Iterable[Entry]
) -> list[SideEffect]:
    """Keep the effects of the kinds of writes that are among these steps."""
    kinds = {"task" if e.action in TASK_ACTIONS else "owner" for e in entries}
    return [effect for effect in effects if effect.of in kinds]


def _print_reasons(
    entries: Iterable[Entry], reader: Audience, console: Console
) -> None:
    """Print why steps were not done, in the CRM's own words where it said some."""
    words = reader.words
    for entry in entries:
        if entry.outcome not in ("planned", "done"):
            name = entry.record_id or entry.key or ""
            said = (name, _reason(entry.code or "", words), _message(entry, reader))
            why = ": ".join(filter(None, said))
            console.print(f"{SIGNS.get(entry.outcome, '-')} {why}")


def _reason(code: str, words: Words) -> str:
    """Return a code of ours in words; the CRM's own stay as they are."""
    key = f"reason:{code}"
    return words(key) if words.has(key) else code


def _message(entry: Entry, reader: Audience) -> str | None:
    """Return the CRM's own words, or what it holds in place of what was written."""
    if entry.code != OVERRULED:
        return entry.message
    if not entry.message:
        return reader.words("it is empty now")
    return reader.words("it holds {value}", value=_value(entry, entry.message, reader))


def _print_intentions(executed: Executed, words: Words, console: Console) -> None:
    """Count the steps by what they do."""
    found = Counter(entry.action for entry in executed.entries)
    console.print(words("{n} steps.", n=len(executed.entries)))
    for action, count in found.items():
        console.print(f"  {count:>5}  {words(f'action:{action}')}")


def _print_end(executed: Executed, words: Words, console: Console) -> None:
    console.print(words(_SUM, **executed.counts))
    if executed.window_seconds:
        seconds = f"{executed.window_seconds:.1f}"
        console.print(words(_WINDOW, seconds=seconds))
    state = words(f"state:{executed.state}")
    console.print(words("Run {run}: {state}.", run=executed.run_id, state=state))


_SUM = (
    "{planned} steps: {done} done, {skipped} skipped, {refused} refused,"
    " {in_doubt} in doubt."
)
_WINDOW = "Longest time between a last read and its write: {seconds} s."


def _table(entries: Sequence[Entry], reader: Audience) -> Table:
    words = reader.words
    table = Table(box=None, pad_edge=False)
    for name in ("", "Account", "Step", "Record", "Before", "After", "Outcome"):
        table.add_column(words(name))
    for entry in entries:
        cells = (
            SIGNS.get(entry.outcome, "-"),
            reader.account(entry.account_id) if entry.account_id else "-",
            words(f"action:{entry.action}"),
            entry.record_id or _purpose(entry) or "-",
            _value(entry, entry.before, reader),
            _value(entry, entry.after, reader) or _subject(entry),
            words(f"outcome:{entry.outcome}"),
        )
        table.add_row(*cells)
    return table


def _purpose(entry: Entry) -> str:
    """Return in short what is to be created: our key ends in what for and whom."""
    return " ".join((entry.key or "").split(":")[-2:])


def _value(entry: Entry, value: str | None, reader: Audience) -> str:
    """Return a value in words: owners by their names, the beginning of a long text."""
    if entry.action in USER_VALUED:
        return reader.name(value or "")
    return _shorten(value or "")


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _subject(entry: Entry) -> str:
    """Return a new task's subject, which comes first among what is written."""
    if entry.action != Action.CREATE_TASK:
        return ""
    values = (entry.values or {}).get("values") or {}
    return str(next(iter(values.values()), ""))
