"""A thousand owners and a thousand tasks on a loopback portal, as runs write them."""

import datetime as dt
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.base import Change, SetField
from connectors.hubspot import open_hubspot
from handover.ledger import Ledger
from handover.plan import approval, store
from handover.plan.approval import ApprovedPlan
from handover.transfer.execute import Desk, execute
from handover.transfer.journal import Kind
from handover.transfer.live import Readings
from handover.transfer.prepare import Prepared
from handover.transfer.site import Site, check_drift, check_successors
from handover.transfer.steps import Action, Step, in_order
from mappings.load import load_mapping
from tests.crm.hubspot import Portal
from tests.crm.hubspot_data import TOKEN
from tests.crm.hubspot_serving import serve
from tests.planning import POLICY, by, people
from tests.portals import KEY, companies, moves, small_portal, task
from tests.transferring import PLAN, TODAY, plan, row

ZONE = ZoneInfo("Asia/Tokyo")


def hand_over(folder: Path, count: int) -> Counter[str]:
    """Walk both runs, and count the calls by what they are for."""
    portal = small_portal()
    portal.define("tasks", KEY, unique=(KEY,))
    keys = companies(portal, count)
    ledger = Ledger.open(folder / "ledger.sqlite")
    authority = _approved(ledger)
    desk = Desk(ledger=ledger, runs_folder=folder / "runs", zone=ZONE, actor="bench")
    with serve(portal) as address:
        site = _site(address, folder)
        tasks = [task(key, f"handover:{key}") for key in keys]
        owners = [_step(authority, Action.ACCOUNT_OWNER, each) for each in moves(keys)]
        _run(site, desk, "reassign", in_order(owners))
        created = [_step(authority, Action.CREATE_TASK, each) for each in tasks]
        _run(site, desk, "publish", in_order(created))
    assert len(portal.commits) == 2 * count
    return _counted(portal)


def _step(authority: ApprovedPlan, action: Action, change: Change) -> Step:
    account = change.id if isinstance(change, SetField) else change.links["account"]
    return Step(
        source="hubspot",
        account_id=account,
        action=action,
        change=change,
        authority=authority,
    )


def _run(site: Site, desk: Desk, kind: Kind, steps: tuple[Step, ...]) -> None:
    readings = Readings(connector=site.connector, clock=site.clock)
    check_successors(site, ["8"])
    check_drift(site, steps, readings)
    prepared = Prepared(
        kind=kind,
        org_id="4242",
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
        at = "2027-03-01T00:00:00+00:00"
        made = plan([row(1)])
        store.save_version(connection, made, cause="new", made_by="P", at=at)
        loaded = store.load(connection, PLAN)
        approval.approve(connection, loaded, by("M"), people(), POLICY)
    with ledger.read() as connection:
        return approval.approved(connection, PLAN, TODAY)


def _site(address: str, folder: Path) -> Site:
    connector = open_hubspot(
        {"base_url": address, "token": TOKEN, "task_key": KEY, "rate": {"burst": 10**6}}
    )
    return Site(
        source="hubspot",
        connector=connector,
        identity=connector.identify(),
        mapping=load_mapping("hubspot", folder),
        people=people(),
        policy=POLICY,
        clock=lambda: dt.datetime.now(dt.UTC),
        as_of=TODAY,
        today=TODAY,
    )


def _counted(portal: Portal) -> Counter[str]:
    """Tell writes from reads of what is written, and from what a run looks up first."""

    def name(path: str, inputs: object) -> str:
        if path.endswith("batch/read"):
            return "reads of records"
        if inputs:
            return "writes"
        return "calls to look around"

    return Counter(name(call.path, call.body.get("inputs")) for call in portal.calls)
