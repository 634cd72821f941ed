"""What the predecessor is only invited to, for those who read a list of steps.

An invitation is no record that could be handed over. The event itself belongs to
somebody else, who can invite the successor.
"""

import datetime as dt
from collections.abc import Collection, Iterator

from connectors.base import Invitation, KnowsInvitations, Note
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.checks import Site

NAMED = 10
"""Invitations that are named one by one."""
ORGANISER = """
select distinct owner_id from activities
where happened_on = $day and coalesce(subject, '') = $subject
    and owner_id is distinct from $invited and owner_id is not null
"""


def list_invitations(
    site: Site, mirror: Mirror, plan: Plan, moving: Collection[str]
) -> Iterator[Note]:
    """Yield the coming events with customers who move that the predecessor attends.

    Args:
        site: where we are.
        mirror: tells whose events they are, and when a day begins.
        plan: whose predecessor is meant.
        moving: the accounts that change hands.
    """
    if not moving or not isinstance(site.connector, KnowsInvitations):
        return
    names = {row.account_id: row.account for row in plan.rows}
    begins = dt.datetime.combine(site.as_of, dt.time(), dt.UTC) - dt.timedelta(days=1)
    user = site.to_crm.user_id(plan.predecessor)
    found = [
        (day, invitation)
        for invitation in site.connector.invitations(user, begins)
        if invitation.account_id in moving
        and (day := _day(invitation, mirror)) > site.as_of
    ]
    found.sort(key=lambda one: (one[0], one[1].id))
    person = site.people.name(plan.predecessor)
    for day, invitation in found[:NAMED]:
        organiser = _organiser(mirror, plan.predecessor, day, invitation.subject)
        params: dict[str, object] = {
            "person": person,
            "subject": invitation.subject,
            "account": names.get(invitation.account_id or "", invitation.account_id),
            "date": day,
        }
        if organiser:
            params["organiser"] = site.people.name(organiser)
        yield Note(code="invited" if organiser else "invited_unseen", params=params)
    if len(found) > NAMED:
        params = {"n": len(found) - NAMED, "person": person}
        yield Note(code="invited_more", params=params)


def _day(invitation: Invitation, mirror: Mirror) -> dt.date:
    """Return the local day of an event; a whole day stays that day."""
    starts = invitation.starts
    if isinstance(starts, dt.datetime):
        return starts.astimezone(mirror.zone).date()
    return starts


def _organiser(
    mirror: Mirror, predecessor: str, day: dt.date, subject: str
) -> str | None:
    """Find the owner of the event itself; None where it is not seen, or not alone."""
    found = mirror.rows(ORGANISER, day=day, subject=subject, invited=predecessor)
    return found[0]["owner_id"] if len(found) == 1 else None
