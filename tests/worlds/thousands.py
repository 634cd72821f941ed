"""Owner changes and tasks by the thousand, as runs write them and verify compares."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.base import Change, Connector, Create, SetField
from handover.ledger import Ledger
from handover.ledger.runs import Kind
from handover.ledger.states import Action
from handover.plan import approval, store
from handover.plan.approval import ApprovedPlan
from handover.plan.build import seal
from handover.transfer.checks import Site, check_drift, check_successors
from handover.transfer.execute import RunRegister, execute
from handover.transfer.prepare import Prepared
from handover.transfer.readings import Readings
from handover.transfer.steps import Step, in_order
from handover.transfer.to_crm import bind
from handover.transfer.verify import last_writes, record_faults
from mappings.load import load_mapping
from tests.worlds.memory_company import PLAN, TODAY, plan, row
from tests.worlds.small_company import COMPANY, POLICY, by, now, people

ZONE = ZoneInfo("Asia/Tokyo")


def carry_out(
    folder: Path,
    connector: Connector,
    successor: str,
    owners: Sequence[SetField],
    tasks: Sequence[Create],
) -> None:
    """Walk a run of owner changes and one of new tasks, journaled and drift-checked."""
    ledger = Ledger.open(folder / "ledger.sqlite")
    authority = _approved(ledger)
    desk = RunRegister(
        ledger=ledger, runs_folder=folder / "runs", zone=ZONE, actor="bench"
    )
    site = _site(connector, folder)
    wanted: list[tuple[Kind, Action, Sequence[Change]]] = [
        ("reassign", Action.ACCOUNT_OWNER, owners),
        ("publish", Action.CREATE_TASK, tasks),
    ]
    for kind, action, changes in wanted:
        steps = in_order(_step(authority, connector, action, c) for c in changes)
        _run(site, desk, kind, steps, successor)


def compare(folder: Path, connector: Connector) -> int:
    """Compare the CRM with what runs wrote last; count the values."""
    with Ledger.open(folder / "ledger.sqlite").read() as connection:
        written = last_writes(connection)[connector.name]
    assert list(record_faults(connector, written)) == []
    return len(written)


def _step(
    authority: ApprovedPlan, connector: Connector, action: Action, change: Change
) -> Step:
    account = change.id if isinstance(change, SetField) else change.links["account"]
    return Step(
        source=connector.name,
        account_id=account,
        action=action,
        change=change,
        authority=authority,
    )


def _run(
    site: Site, desk: RunRegister, kind: Kind, steps: tuple[Step, ...], successor: str
) -> None:
    readings = Readings(connector=site.connector, clock=site.clock)
    check_successors(site, [successor])
    check_drift(site, steps, readings, {})
    prepared = Prepared(
        kind=kind,
        org_id=site.identity.org_id,
        plan_id=PLAN,
        plan_version=1,
        steps=steps,
        readings=readings,
        content={},
    )
    done = execute(site, desk, prepared, stopped=lambda: False)
    assert done.counts["done"] == len(steps), done.counts


def _approved(ledger: Ledger) -> ApprovedPlan:
    with ledger.begin() as connection:
        made = plan([row(1)])
        made = seal(made.model_copy(update={"terms": now().read_terms(made)}))
        at = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
        origin = store.Origin(cause="new", person="P", at=at)
        store.save_version(connection, made, origin)
        loaded = store.load(connection, PLAN)
        approval.approve(connection, loaded, by("M"), now())
    with ledger.read() as connection:
        return approval.load_approved(connection, PLAN, TODAY, now())


def _site(connector: Connector, folder: Path) -> Site:
    return Site(
        source=connector.name,
        connector=connector,
        identity=connector.identify(),
        to_crm=bind(load_mapping(connector.name, folder), connector),
        people=people(),
        policy=POLICY,
        company=COMPANY,
        clock=lambda: dt.datetime.now(dt.UTC),
        as_of=TODAY,
        circumstances=now,
    )
