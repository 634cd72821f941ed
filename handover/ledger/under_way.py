"""Whether a run's calls may still take effect, for whoever takes its authority away.

Decisions are plain transactions, and a run asks for its authority in the transaction of
each intent. So who decides in between stops the run before its next call; but a call
that has left already, or whose reply was lost, cannot be called back. Nobody is told
that nothing changes any more while one is out.
"""

import datetime as dt
from pathlib import Path

from sqlalchemy import Connection, select

from handover.errors import TryLater
from handover.ledger.lock import SYNC, holder, is_held
from handover.ledger.tables import runs, steps

UNDER_WAY = dt.timedelta(minutes=3)
"""How long a call whose reply was lost may still take effect; we wait two minutes for a
reply, and CRMs give up before that."""


class RunUnderWay(TryLater):
    """A run has sent what it waits for (``plan``, ``run``, ``actor``, ``host``, ...).

    ``pid`` and ``since`` are of the process, ``n`` the number of records.
    """

    code = "run_under_way"


class RunUnsettled(TryLater):
    """Calls of a run that ended may still take effect (``plan``, ``run``, ``n``).

    ``until`` is the time from which on they cannot.
    """

    code = "run_unsettled"


def check_settled(
    connection: Connection, plan_id: str, folder: Path, at: dt.datetime
) -> str | None:
    """Refuse while a call of a plan's runs may still take effect.

    Args:
        connection: a transaction that writes: no intent is recorded meanwhile.
        plan_id: whose runs.
        folder: the data folder, with the lock of runs.
        at: the time.

    Returns:
        The run that is under way and will send nothing more once the plan allows
        nothing more; None where there is none.

    Raises:
        RunUnderWay: a call has left, and its run waits for the reply.
        RunUnsettled: a reply was lost so recently that the call may take effect yet.
    """
    live = _find_live(connection, plan_id, folder)
    sent = _list_sent(connection, plan_id)
    if live is not None and live in sent:
        actor = connection.execute(select(runs.c.actor).where(runs.c.id == live))
        raise RunUnderWay(
            data=None,
            plan=plan_id,
            run=live,
            actor=actor.scalar_one(),
            n=len(sent[live]),
            **{k: v for k, v in holder(folder).items() if k != "command"},
        )
    for run_id, times in sent.items():
        until = max(times) + UNDER_WAY
        if at < until:
            raise RunUnsettled(
                plan=plan_id,
                run=run_id,
                n=len(times),
                until=until.isoformat(timespec="seconds"),
            )
    return live


def _find_live(connection: Connection, plan_id: str, folder: Path) -> str | None:
    """Find the run of a plan whose process lives; one that died holds no lock."""
    begun = (
        select(runs.c.id)
        .where(runs.c.plan_id == plan_id, runs.c.state == "running")
        .order_by(runs.c.serial.desc())
        .limit(1)
    )
    run_id: str | None = connection.execute(begun).scalar()
    if run_id is None or not is_held(folder) or holder(folder)["command"] == SYNC:
        return None
    return run_id


def _list_sent(connection: Connection, plan_id: str) -> dict[str, list[dt.datetime]]:
    """List when what nobody has seen the effect of was sent, by run."""
    wanted = (
        select(steps.c.run_id, steps.c.intended_at)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(runs.c.plan_id == plan_id, steps.c.intended_at.is_not(None))
        .where(steps.c.outcome.in_(["intent", "in_doubt"]))
        .order_by(runs.c.serial)
    )
    found: dict[str, list[dt.datetime]] = {}
    for row in connection.execute(wanted):
        sent = dt.datetime.fromisoformat(row.intended_at)
        found.setdefault(row.run_id, []).append(sent)
    return found
