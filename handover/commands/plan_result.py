"""A result that is plans, in every form that plans can be shown in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handover.commands.options import Format
from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell

FORMS: tuple[Format, ...] = ("csv", "html", "xlsx")
"""What a plan can be shown as besides text and JSON."""

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from handover.errors import HandoverError
    from handover.plan.model import Plan, PutAside
    from handover.plan.view import Audience


def audience_of(shell: Shell, source: str) -> "Audience":
    """Return the words and names in which a source's plans and runs are shown."""
    from handover.jobs.plan import find_audience

    return find_audience(shell.workspace, source, shell.words)


def plan_result(
    shell: Shell,
    plans: Sequence["Plan"],
    *,
    data: Mapping[str, object],
    error: "HandoverError | None" = None,
    next: str | None = None,  # noqa: A002 - as Result has it
) -> Result:
    """Show plans in every form."""

    def text(console: "Console") -> None:
        from handover.jobs.plan import list_decisions
        from handover.plan.terminal import print_plan

        made = list_decisions(shell.workspace, plans)
        for plan in plans:
            print_plan(plan, audience_of(shell, plan.source), console, made[plan.id])

    def frame() -> "pd.DataFrame":
        import pandas as pd

        from handover.jobs.plan import add_contacts
        from handover.plan.sheet_rows import list_sheet_rows

        lines: list[dict[str, object]] = []
        for plan in plans:
            audience = audience_of(shell, plan.source)
            audience = add_contacts(shell.workspace, [plan], audience)
            lines += list_sheet_rows(plan, audience)
        return pd.DataFrame(lines)

    def html() -> str:
        from handover.jobs.plan import write_page

        audience = replace(audience_of(shell, plans[0].source), mark=shell.mark)
        return write_page(shell.workspace, plans, audience)

    return Result(
        name="plan",
        data=data,
        text=text,
        html=html,
        frame=frame,
        warnings=_list_once(
            note for plan in plans for note in _list_notices(shell, plan)
        ),
        error=error,
        next=next,
        as_of=shell.workspace.as_of,
    )


def dump_plans(shell: Shell, plans: Sequence["Plan"]) -> dict[str, object]:
    """Return plans as JSON has them, with the decisions on them."""
    from handover.jobs.plan import list_decisions
    from handover.plan.view import dump_decisions, dump_effects

    decisions = list_decisions(shell.workspace, plans)
    source = plans[0].source if plans else ""
    effects = shell.workspace.side_effects(source)
    shown = [dump_plan(each) for each in plans]
    return {
        "plans": shown,
        **({"plan": shown[0]} if len(shown) == 1 else {}),
        "reorganisation": plans[0].reorganisation if plans else None,
        "decisions": dump_decisions(decisions),
        "side_effects": dump_effects(effects, shell.words),
    }


def dump_plan(plan: "Plan", *, rows: bool = True) -> dict[str, object]:
    """Return a plan as JSON has it, with each day on which owners change."""
    dates = [{"effective": str(day), "rows": n} for day, n in plan.dates]
    content = plan.model_dump(mode="json", exclude=set() if rows else {"rows", "terms"})
    return {**content, "dates": dates}


def _list_once(notices: Iterable[Notice]) -> list[Notice]:
    """List what holds for several plans once."""
    return list({(each.code, str(each.params)): each for each in notices}.values())


def _list_notices(shell: Shell, plan: "Plan") -> list[Notice]:
    from handover.jobs.plan import list_gone
    from handover.plan.naming import name_by_class, name_first
    from handover.plan.view import read_note
    from handover.transfer.owner_problems import list_owner_problems

    notes = (read_note(note, shell.words) for note in plan.notes)
    notices = [Notice(code=code, params=params) for code, params in notes]
    notices += [
        Notice(
            code="owner_not_writable",
            params={"table": problem.table, "why": problem.why},
        )
        for problem in list_owner_problems(shell.workspace.mapping(plan.source))
    ]
    proposed = [row for row in plan.rows if row.is_left and row.is_class_open]
    if proposed:
        named = {"plan": plan.id, "accounts": name_by_class(proposed)}
        notices.append(Notice(code="classes_proposed", params=named))
    gone = list_gone(shell.workspace, plan)
    if gone:
        params = {"n": len(gone), "names": name_first(gone)}
        notices.append(Notice(code="accounts_gone", params=params))
    return [*notices, *list_aside_notices(plan.aside, audience_of(shell, plan.source))]


def list_aside_notices(
    aside: Sequence["PutAside"], audience: "Audience"
) -> list[Notice]:
    """List the warnings of values that were not read, and of lost references."""
    from handover.plan.model import UNRESOLVED
    from handover.plan.view import describe_aside

    unread = [each for each in aside if each.reason != UNRESOLVED]
    lost = [each for each in aside if each.reason == UNRESOLVED]
    return [
        Notice(
            code=code,
            params={"count": len(found), "values": describe_aside(found, audience)},
        )
        for code, found in (("put_aside", unread), ("lost_references", lost))
        if found
    ]


def list_clock_notices(shell: Shell) -> list[Notice]:
    """Tell whoever decides that the clock was set back, if it was."""
    from handover.jobs.deciding import list_clock_notes

    workspace = shell.workspace
    notes = list_clock_notes(workspace, workspace.now)
    return [Notice(code=note.code, params=note.params) for note in notes]


def make_too_short(plans: Sequence["Plan"]) -> "HandoverError | None":
    """Return what is refused where rows that must be met have no slot, if any."""
    from handover.i18n import Phrase
    from handover.plan.errors import PeriodsTooShort, PeriodTooShort

    short = [plan for plan in plans if plan.unplaced]
    known: list[dict[str, Any]] = [
        {
            "plan": plan.id,
            "rows": len(plan.unplaced),
            "days": plan.minimum_days if plan.minimum_days is not None else "-",
            "end": plan.minimum_end or "-",
        }
        for plan in short
    ]
    if len(known) < 2:
        return PeriodTooShort(**known[0]) if known else None
    named = tuple(Phrase(text="too-short:plan", params=each) for each in known)
    whole = short[0].reorganisation or "-"
    return PeriodsTooShort(reorganisation=whole, plans=named)
