"""From an order, or from edits, to a plan's next version in the ledger.

Both ways lead through the same steps: check what is asked for, take the facts and the
diaries as of today, make the version, keep it. The plans of one reorganisation are
drawn up one after the other, so that each knows the diaries that the others filled.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from handover.errors import NoDecider, Refusal, UsageProblem
from handover.i18n import words_for
from handover.ledger.policies import keep_policy
from handover.ledger.states import OVER_STATES, PlanState
from handover.mirror.people import People
from handover.plan import earlier_drafts, errors, store
from handover.plan.amendment import edit_plan, list_refusals
from handover.plan.approval import make_wrong_state
from handover.plan.build import PlanOrder, PlanRequest, build_plan, seal
from handover.plan.calendars import (
    list_absences,
)
from handover.plan.changes import describe_changes
from handover.plan.claims import load_claiming
from handover.plan.deciders import (
    check_editor,
    is_manager,
    list_managers,
    name_all,
)
from handover.plan.decision import EditedBy
from handover.plan.edits import Editor, Edits
from handover.plan.model import Plan, Row
from handover.plan.naming import name_step
from handover.plan.plan_ids import make_id
from handover.plan.questions import check_unclaimed
from handover.plan.selection import PlanFacts
from handover.plan.setting import Setting, read_ground
from handover.plan.store import Origin
from handover.plan.ways_out import Situation, find_colleague, list_options

# From an order.


def draw_up(
    connection: Connection,
    setting: Setting,
    orders: Iterable[PlanOrder],
    *,
    made_by: str | None,
    at: dt.datetime,
) -> list[Plan]:
    """Draw up a plan for each order and keep it as a draft.

    Raises:
        UsageProblem: a predecessor owns nothing or has no manager, dates are wrong.
        Refusal: a successor is inactive, an account is in another open plan.
    """
    origin = Origin(
        cause="new", person=made_by, at=at, rehearsed_on=setting.rehearsed_on
    )
    ordered = sorted(orders, key=lambda order: order.predecessor)
    names = {order.predecessor for order in ordered}
    drawn: list[Plan] = []
    for order in ordered:
        _check_order(setting, order)
        others = [*_list_others(connection, order, names), *drawn]
        _check_replaceable(connection, setting, order, made_by)
        drawn.append(_draw_up(connection, setting, order, others))
    for plan in drawn:
        others = [each for each in drawn if each is not plan]
        led = setting.on_terms_of_now(_with_ways_out(connection, setting, plan, others))
        _keep(connection, setting, led, origin)
    return [store.load(connection, plan.id) for plan in drawn]


def _with_ways_out(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    drawn: Sequence[Plan] = (),
) -> Plan:
    """Return a plan with its ways out, tried on the ground that edits stand on."""
    if not plan.overflow:
        return plan
    colleague = find_colleague(plan, setting.people)
    newcomers = [colleague] if colleague else []
    situation = Situation(
        plan=plan,
        ground=read_ground(connection, setting, plan, newcomers, drawn),
        owner_is_active=setting.people.is_active(plan.predecessor),
        colleague=colleague,
        words=words_for(setting.config.language),
    )
    return plan.model_copy(update={"options": list_options(situation)})


def _check_order(setting: Setting, order: PlanOrder) -> None:
    people = setting.people
    order.dates.check(setting.as_of)
    successors = {move.successor_id for move in order.moves if move.successor_id}
    _check_successors(order.predecessor, sorted(successors), people)
    if people.manager_of(order.predecessor) in (None, order.predecessor):
        raise errors.NoManager(
            user=people.name(order.predecessor), file=setting.config.people.file
        )


def _check_replaceable(
    connection: Connection, setting: Setting, order: PlanOrder, made_by: str | None
) -> None:
    """Refuse to draw up a plan again over what people decided on its draft.

    Raises:
        DraftDecided: names who decided what; only whoever has a say drops it.
        NoDecider: nobody says who drops it.
        NotYours: they have no say in the plan.
    """
    draft = earlier_drafts.find_draft(connection, setting.source, order.predecessor)
    drawn_up = draft and earlier_drafts.load_drawn_up(connection, draft.id)
    if draft is None or drawn_up is None or drawn_up.version == draft.version:
        return
    people = setting.people
    if not order.discard:
        editors = earlier_drafts.list_editors(connection, draft.id, drawn_up.version)
        raise errors.DraftDecided(
            plan=draft.id,
            users=name_all(editors, people),
            changes=describe_changes(drawn_up, draft),
        )
    if made_by is None:
        raise NoDecider
    check_editor(draft, "new --discard", made_by, people)


def _list_others(
    connection: Connection, order: PlanOrder, drawn_up: Collection[str]
) -> list[Plan]:
    """List the plans whose visits stand already, beside those drawn up now."""
    known = load_claiming(connection)
    if order.reorganisation:
        known += [
            plan
            for plan in store.load_all(connection, {PlanState.DRAFT})
            if plan.reorganisation == order.reorganisation
            and plan.predecessor not in drawn_up
        ]
    return known


def _draw_up(
    connection: Connection,
    setting: Setting,
    order: PlanOrder,
    others: Sequence[Plan],
) -> Plan:
    people, predecessor = setting.people, order.predecessor
    facts = setting.read_facts(predecessor, ())
    if not facts.accounts:
        raise errors.NothingOwned(user=people.name(predecessor))
    _check_owned(setting, order, facts)
    draft = earlier_drafts.find_draft(connection, setting.source, predecessor)
    manager = people.manager_of(predecessor)
    successors = [m.successor_id for m in order.moves if m.successor_id]
    involved = (predecessor, manager, *successors)
    absent = order.absent or not people.is_active(predecessor)
    order = replace(
        order, busy=tuple(each for each in order.busy if each.person_id in involved)
    )
    known = draft.absences if draft else ()
    absences = list_absences(
        order.busy, (each for each in known if each.person in involved)
    )
    request = PlanRequest(
        order=replace(order, absent=absent),
        source=setting.source,
        org_id=setting.org_id,
        generation=setting.generation,
        plan_id=draft.id if draft else make_id(order, people),
        version=draft.version + 1 if draft else 1,
        manager=manager,
        regions={
            each: found.region
            for each in successors
            if (found := people.user(each)) is not None
        },
        currency=setting.config.money.currency,
        absences=absences,
        agreed={
            row.account_id: row.visit
            for row in (draft.rows if draft else ())
            if row.visit is not None and row.is_agreed
        },
    )
    calendars = setting.read_calendars(involved, others, absences)
    plan = build_plan(facts, request, setting.policy, calendars, setting.as_of)
    if draft is None:
        own_id = store.find_unused_id(connection, plan.id, drawn=others)
        plan = seal(plan.model_copy(update={"id": own_id}))
    check_unclaimed(connection, plan)
    return plan


def _check_owned(setting: Setting, order: PlanOrder, facts: PlanFacts) -> None:
    owned = {account.account_id for account in facts.accounts}
    for move in order.moves:
        if move.account_id and move.account_id not in owned:
            user = setting.people.name(order.predecessor)
            raise errors.NotOwned(account=move.account_id, user=user)


# From edits.


def edit(
    connection: Connection, setting: Setting, plan: Plan, edits: Edits, by: EditedBy
) -> Plan:
    """Edit a plan and keep it as a draft, which voids an approval.

    What was carried out stays so, whatever is edited.

    Raises:
        Refusal: its state does not allow it, or it is not this person's to decide.
        UsageProblem: the edits are incomplete or name what is not in the plan.
    """
    if plan.state in OVER_STATES:
        raise make_wrong_state(plan, "edit")
    _check_edits(setting, plan, edits, by.person, "edit")
    edited = _edit(connection, setting, plan, edits, by.person)
    named = edits.prepared_by or plan.prepared_by
    edited = setting.on_terms_of_now(edited.model_copy(update={"prepared_by": named}))
    _keep(connection, setting, edited, _make_origin(setting, edits, by))
    return edited


def edit_submitted(
    connection: Connection, setting: Setting, plan: Plan, edits: Edits, by: EditedBy
) -> Plan:
    """Edit a submitted plan inside its approval; it stays submitted."""
    _check_edits(setting, plan, edits, by.person, "approve")
    edited = _edit(connection, setting, plan, edits, by.person)
    _keep(connection, setting, edited, _make_origin(setting, edits, by))
    store.set_state(connection, plan.id, PlanState.SUBMITTED, by.at)
    return store.load(connection, plan.id)


def _make_origin(setting: Setting, edits: Edits, by: EditedBy) -> Origin:
    return Origin(
        cause=by.cause,
        person=by.person,
        at=by.at,
        reason=edits.reason,
        rehearsed_on=setting.rehearsed_on,
    )


def _check_edits(
    setting: Setting, plan: Plan, edits: Edits, person: str, option: str
) -> None:
    people = setting.people
    if edits.is_empty:
        raise errors.NothingToEdit(plan=plan.id)
    check_editor(plan, option, person, people)
    if edits.prepared_by is not None and not is_manager(plan, person, people):
        raise errors.NotYours(
            user=people.name(person),
            plan=plan.id,
            option=name_step("prepared-by"),
            deciders=name_all(list_managers(plan, people), people),
        )
    _check_successors(plan.predecessor, sorted(set(edits.successors.values())), people)
    for until in edits.list_days():
        if until < setting.as_of:
            today = f"--as-of {setting.as_of}"
            raise errors.BadPeriod(earlier=today, later=f"hold {until}")


def _edit(
    connection: Connection, setting: Setting, plan: Plan, edits: Edits, person: str
) -> Plan:
    edited = edit_plan(
        plan,
        edits,
        _find_editor(setting, plan, person),
        read_ground(connection, setting, plan, edits.successors.values()),
        owner_is_active=setting.people.is_active(plan.predecessor),
    )
    edited = edited.model_copy(update={"generation": setting.generation})
    return _with_ways_out(connection, setting, edited)


def _find_editor(setting: Setting, plan: Plan, person: str) -> Editor:
    people = setting.people
    return Editor(
        person_id=person,
        name=people.name(person),
        is_manager=is_manager(plan, person, people),
        managers=name_all(list_managers(plan, people), people),
    )


def list_refused(
    connection: Connection, setting: Setting, plan: Plan, edits: Edits, person: str
) -> list[tuple[Row | None, Refusal | UsageProblem]]:
    """List all that ``edit`` would refuse row by row, with its row if it has one."""
    editor = _find_editor(setting, plan, person)
    ground = read_ground(connection, setting, plan, edits.successors.values())
    return list(list_refusals(plan, edits, editor, ground))


# What both ways need.


def _check_successors(predecessor: str, users: Iterable[str], people: People) -> None:
    for user in users:
        if user == predecessor:
            raise errors.SameUser(user=people.name(user))
        if not people.is_active(user):
            raise errors.InactiveSuccessor(user=people.name(user))


def _keep(connection: Connection, setting: Setting, plan: Plan, origin: Origin) -> None:
    """Write a version, and the policy it goes by."""
    keep_policy(connection, setting.policy, origin.at)
    store.save_version(connection, plan, origin)
