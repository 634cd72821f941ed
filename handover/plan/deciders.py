"""Who may decide about a plan: by their part in it, and as stand-ins.

Nobody approves a plan of their own. Its author and its predecessor have a say in it,
the managers decide.
"""

from collections.abc import Collection, Iterable

from handover.ledger.states import Mode
from handover.mirror.people import People
from handover.plan.errors import NotYours
from handover.plan.model import Plan, Row
from handover.plan.naming import name_step


def list_managers(plan: Plan, people: People) -> tuple[str, ...]:
    """List those who decide as managers: the manager and their delegate."""
    if plan.manager is None:
        return ()
    delegate = people.delegate_of(plan.manager)
    return (plan.manager, delegate) if delegate else (plan.manager,)


def list_approvers(plan: Plan, people: People) -> tuple[str, ...]:
    """List those who may approve: neither author nor predecessor, nor who prepared it.

    If the manager is the author: their delegate, else their own manager.
    """
    chain = [list_managers(plan, people)]
    if plan.manager is not None:
        chain.append((people.manager_of(plan.manager) or "",))
    barred = {plan.author, plan.predecessor, plan.prepared_by, ""}
    for candidates in chain:
        allowed = tuple(c for c in candidates if _may(c, barred, people))
        if allowed:
            return allowed
    return ()


def _may(candidate: str, barred: Collection[str | None], people: People) -> bool:
    return candidate not in barred and people.is_active(candidate)


def check_editor(plan: Plan, option: str, person: str, people: People) -> None:
    """Refuse whoever has no say in a plan: neither gives up, nor writes, nor manages.

    Raises:
        NotYours: it is for others, who are named.
    """
    own = (plan.predecessor, plan.author, plan.prepared_by)
    if person in own or is_manager(plan, person, people):
        return
    having = (*own, *list_managers(plan, people))
    raise NotYours(
        user=people.name(person),
        plan=plan.id,
        option=name_step(option),
        deciders=name_all(having, people),
    )


def check_reporter(plan: Plan, row: Row, person: str, people: People) -> None:
    """Refuse whoever neither visits a customer nor has a say in the plan.

    Raises:
        NotYours: it is for others, who are named.
    """
    if person == row.successor_id:
        return
    own = (plan.predecessor, plan.author, plan.prepared_by)
    if person in own or is_manager(plan, person, people):
        return
    having = (*own, row.successor_id, *list_managers(plan, people))
    raise NotYours(
        user=people.name(person),
        plan=plan.id,
        option=name_step("answer"),
        deciders=name_all(having, people),
    )


def list_reporters(plan: Plan, people: People) -> tuple[str, ...]:
    """List those who report what came of a plan: who hands over, and who takes over.

    So may its author and who prepared it; the manager is reported to.
    """
    own = [None if plan.absent else plan.predecessor]
    own += [row.successor_id for row in plan.rows if row.mode is not Mode.EXCLUDE]
    own += [plan.author, plan.prepared_by]
    able = dict.fromkeys(each for each in own if each and people.is_active(each))
    return tuple(able)


def name_all(persons: Iterable[str | None], people: People) -> str:
    """Return people's names in one text, each once."""
    return ", ".join(dict.fromkeys(people.name(each) for each in persons if each))


def is_manager(plan: Plan, person: str, people: People) -> bool:
    """Return whether a person decides about a plan as a manager."""
    return person in list_managers(plan, people) or person in list_approvers(
        plan, people
    )


def list_undoers(
    plan: Plan, people: People, undo_by: Collection[str]
) -> tuple[str, ...]:
    """List those who may take a plan's runs back without having approved it.

    Args:
        plan: whose runs.
        people: who stands in for whom.
        undo_by: users that the policy names, by id, e-mail or name.
    """
    approvers = (*list_managers(plan, people), *list_approvers(plan, people))
    delegates = {people.delegate_of(each) for each in approvers} - {None}
    named = {each.id for each in people if is_named(each.id, people, undo_by)}
    return tuple(sorted({*(each for each in delegates if each), *named}))


def is_named(person: str, people: People, undo_by: Collection[str]) -> bool:
    """Return whether the policy names a person, by id, e-mail or name."""
    found = people.user(person)
    known = (found.id, found.email, found.name) if found else (person,)
    return any(name in undo_by for name in known)
