"""What goes wrong between HubSpot and us: faults of a loopback portal."""

import time
from collections.abc import Callable
from dataclasses import replace

from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_data import Fault
from tests.worlds.hubspot_replies import Answer, Call

CLOUDFLARE = "<!DOCTYPE html><html><title>502 Bad Gateway</title></html>"


def once(answer: Answer, when: str) -> Fault:
    """Answer so the first time that a path with these letters is called."""
    return times(answer, when, 1)


def always(answer: Answer) -> Fault:
    """Answer so whatever is called."""
    return lambda _call: answer


def times(answer: Answer, when: str, count: int) -> Fault:
    """Answer so the first few times that a path with these letters is called."""
    waiting = [answer] * count

    def fault(call: Call) -> Answer | None:
        return waiting.pop() if waiting and when in call.path else None

    return fault


def lost_before(when: str) -> Fault:
    """Drop a call unanswered and without effect, once."""
    return once(Answer(200, "", drop=True), when)


def stalled(seconds: float) -> Fault:
    """Say nothing for a while, and then hang up."""

    def fault(_call: Call) -> Answer | None:
        time.sleep(seconds)
        return Answer(200, "", drop=True)

    return fault


def after_commit(
    portal: Portal,
    when: str,
    spoil: Callable[[Answer], Answer] | None = None,
) -> Fault:
    """Let a call take effect and spoil its reply, once; it is lost as a rule."""
    waiting = [when]

    def fault(call: Call) -> Answer | None:
        if not waiting or waiting[0] not in call.path:
            return None
        waiting.clear()
        return (spoil or dropped)(portal.take(call))

    return fault


def dropped(answer: Answer) -> Answer:
    """Close the connection instead of answering."""
    return replace(answer, drop=True)


def cut_short(answer: Answer) -> Answer:
    """Break off in the middle of the body."""
    return replace(answer, cut=25)


def too_short(answer: Answer) -> Answer:
    """Claim a shorter body than there is."""
    return replace(answer, length=25)


def too_long(answer: Answer) -> Answer:
    """Claim a longer body than comes."""
    return replace(answer, length=10_000)


def gateway(answer: Answer) -> Answer:
    """Answer in HubSpot's place."""
    return Answer(502, CLOUDFLARE, {"Content-Type": "text/html"})


def created_overnight(answer: Answer) -> Answer:
    """Answer with another 2xx than documented."""
    return replace(answer, status=202)
