"""The sheets of a plan's workbook that are read: its summary and its legend."""

from collections.abc import Iterator, Mapping, Sequence

from handover.i18n import Words
from handover.paper.workbook import TextLine
from handover.plan.model import Plan
from handover.plan.view import (
    Audience,
    describe_plan,
    describe_shortfall,
    list_head,
    list_undecided,
)
from handover.plan.workbook_words import EDITABLE, ROWS, name_column


def list_summary_lines(
    plans: Sequence[Plan],
    audience: Audience,
    blocked: Mapping[str, Sequence[str]],
    next_step: Mapping[str, str],
) -> Iterator[TextLine]:
    """Yield what a manager reads first: who, when, what blocks, what they decide.

    Args:
        plans: one, or those of a reorganisation.
        audience: who reads.
        blocked: by plan what stands in the way of its next step, in words.
        next_step: by plan who has to do what.
    """
    words = audience.words
    if len(plans) > 1:
        title = f"{words('Reorganisation')}: {plans[0].reorganisation or ''}"
        yield TextLine(label=title, look="title")
        yield TextLine(label=words("Plans"), text=len(plans))
    for plan in plans:
        if len(plans) > 1:
            yield TextLine()
        yield from _list_plan_lines(
            plan, audience, blocked.get(plan.id, ()), next_step.get(plan.id, "")
        )
    yield TextLine()
    yield TextLine(label=words("Approval"), look="heading")
    for part in ("name", "day", "signature"):
        yield TextLine(label=words(f"book-sign:{part}"))
    yield TextLine()
    yield TextLine(label=words("How to fill this in"), look="heading")
    for text in (
        "Fill in the yellow cells only; what they mean stands in the legend.",
        "Sort, filter and hide as you like. Rows that you delete stay as they are.",
        "Send the file back under any name, as an Excel workbook without a password.",
        "Comments on this sheet and on the legend are not read back.",
    ):
        yield TextLine(label="", text=words(text))


def _list_plan_lines(
    plan: Plan, audience: Audience, blocked: Sequence[str], next_step: str
) -> Iterator[TextLine]:
    words = audience.words
    title = words(
        "Handover plan: {predecessor} → {successors}",
        predecessor=audience.person(plan.predecessor),
        successors=words(", ").join(map(audience.person, plan.successors)) or "-",
    )
    yield TextLine(label=title, look="title")
    state = words(f"state:{plan.state.value}")
    version = words("{plan}, version {version}", plan=plan.id, version=plan.version)
    yield TextLine(label=words("State"), text=f"{state} ({version})")
    if shortfall := describe_shortfall(plan, audience):
        yield TextLine(label="×", text=shortfall, look="bad")
    yield TextLine(label=words("Customers"), text=describe_plan(plan, audience))
    for label, value in list_head(plan, audience):
        yield TextLine(label=label, text="" if value == "-" else value)
    yield TextLine()
    yield TextLine(label=words("To be decided"), look="heading")
    if next_step:
        yield TextLine(label=words("book-sign:next"), text=next_step)
    for text in list_undecided(plan, words):
        yield TextLine(label="△", text=text)
    for text in blocked:
        yield TextLine(label="×", text=text, look="bad")


def list_legend_lines(words: Words) -> Iterator[TextLine]:
    """Yield what can be filled in, and how."""
    yield TextLine(label=words("What you can fill in"), look="heading")
    for name in EDITABLE[ROWS]:
        label = name_column(name, words)
        yield TextLine(label=label, text=words(f"book-help:{name}"))
    yield TextLine(label=name_column("action", words), text=words("book-help:action"))
    yield TextLine()
    yield TextLine(label=words("Colours"), look="heading")
    yield TextLine(label=words("yellow"), text=words("A cell to be filled in."))
    yield TextLine(label=words("red"), text=words("Something is missing here."))
