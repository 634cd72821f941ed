"""The standing order: the policy lets tasks for gaps be written each night.

It holds while the policy names somebody who answers for it and is still there, and not
a word of the policy differs from what the run began with.
"""

from handover.errors import HandoverError, Refusal
from handover.mirror.find import find_user
from handover.mirror.people import People
from handover.plan.terms import Circumstances
from handover.policy import Policy
from handover.transfer.steps import StandingOrder


class NoStandingOrder(Refusal):
    """Nobody who is there answers for nightly tasks (``source``, ``named``)."""

    code = "no_standing_order"


class StandingOrderChanged(Refusal):
    """The policy is another one than when the run began (``source``)."""

    code = "standing_order_changed"


def is_ordered(policy: Policy) -> bool:
    """Return whether the policy orders nightly tasks, and says who answers for them."""
    return policy.tasks.enabled and bool(policy.tasks.approved_by.strip())


def find_order(policy: Policy, people: People) -> StandingOrder:
    """Return the order to write tasks for gaps.

    Raises:
        NoStandingOrder: the policy does not order it, or on the word of nobody whom the
            source knows and who is still there.
    """
    named = policy.tasks.approved_by.strip()
    refused = NoStandingOrder(source=people.source, named=named)
    if not is_ordered(policy):
        raise refused
    try:
        person = find_user(people, named)
    except HandoverError as error:
        raise refused from error
    if not person.is_active:
        raise refused
    return StandingOrder(policy_hash=policy.hash, person_id=person.id)


def check_order(order: StandingOrder, now: Circumstances) -> None:
    """Refuse to go on when the policy in force is not the one that ordered it.

    Raises:
        StandingOrderChanged: it was edited meanwhile.
        NoStandingOrder: who answered for it is gone.
    """
    if now.policy.hash != order.policy_hash:
        raise StandingOrderChanged(source=now.people.source)
    if find_order(now.policy, now.people) != order:
        raise StandingOrderChanged(source=now.people.source)
