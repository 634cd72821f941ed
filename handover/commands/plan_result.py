"""A result that is plans, in every form that plans can be shown in."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from handover.errors import HandoverError
    from handover.plan.model import Plan
    from handover.plan.view import Audience


def reader_of(shell: Shell, source: str) -> "Audience":
    """Know the words and names for showing a source's plans and runs."""
    from handover.jobs.plan import reader

    return reader(shell.workspace, source, shell.words)


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
        from handover.plan.terminal import print_plan

        for plan in plans:
            print_plan(plan, reader_of(shell, plan.source), console)

    def frame() -> "pd.DataFrame":
        import pandas as pd

        from handover.plan.view import sheet

        return pd.DataFrame(
            [line for p in plans for line in sheet(p, reader_of(shell, p.source))]
        )

    return Result(
        name="plan",
        data=data,
        text=text,
        html=lambda: _html(shell, plans),
        frame=frame,
        warnings=[_notice(note) for plan in plans for note in plan.notes],
        error=error,
        next=next,
        as_of=shell.workspace.as_of,
    )


def _notice(note: str) -> Notice:
    code, _, subject = note.partition(":")
    return Notice(code=code, params={"subject": subject})


def _html(shell: Shell, plans: Sequence["Plan"]) -> str:
    from handover.plan import store
    from handover.plan.drafts import company
    from handover.plan.page import plan_page

    workspace = shell.workspace
    with workspace.ledger.read() as connection:
        decisions = {plan.id: store.recorded(connection, plan.id) for plan in plans}
    return plan_page(
        plans,
        decisions,
        reader_of(shell, plans[0].source),
        company(workspace.config, workspace.policy),
        workspace.config.zone,
    )
