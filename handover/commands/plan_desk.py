"""What the plan commands have in common: people, facts, names, and the result."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handover.commands.shell import Notice, Result, Shell
from handover.errors import AmbiguousName, NoDecider, UnknownName

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

    from handover.errors import HandoverError
    from handover.mirror.people import Person
    from handover.mirror.views import Mirror
    from handover.plan.drafting import Order, Setting
    from handover.plan.edits import Amendments
    from handover.plan.model import Plan
    from handover.plan.moves import Line
    from handover.plan.selection import Facts
    from handover.plan.store import Decision
    from handover.plan.view import Reader


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One source, opened for planning."""

    mirror: "Mirror"
    setting: "Setting"

    def user(self, text: str) -> str:
        """Find a user's id by name."""
        from handover.mirror.find import find_user

        return find_user(self.setting.people, text).id

    def account(self, text: str) -> str:
        """Find an account's id by name."""
        from handover.mirror.find import find_account

        return find_account(self.mirror, text).id

    def accounts(self, lines: "Iterable[Line]") -> dict[str, str]:
        """Find the ids of all accounts that a list of moves names."""
        from handover.mirror.find import find_accounts
        from handover.plan.moves import ALL

        texts = [text for text in {line.account for line in lines} if text != ALL]
        found = find_accounts(self.mirror, texts)
        return {text: each.id for text, each in zip(texts, found, strict=True)}

    def amendments(self, plan: "Plan", given: Mapping[str, Any]) -> "Amendments":
        """Read the amendments on the command line, names replaced by ids."""
        from handover.commands.amendments import amendments

        planned = {row.account_id for row in plan.rows}

        def account(text: str) -> str:
            return text if text in planned else self.account(text)

        return amendments(given, account, self.user)


@contextmanager
def open_desk(shell: Shell, source: str) -> Iterator[Desk]:
    """Open a source's mirror, audited, with its people and the policy."""
    from handover.audit.engine import audit
    from handover.audit.findings import scores
    from handover.plan.drafting import Setting
    from handover.plan.facts import read_facts

    workspace = shell.workspace
    generation = workspace.generation()
    with workspace.mirror(source) as mirror:
        judged = scores(audit(mirror, workspace.policy, workspace.as_of))

        def facts(predecessor: str, others: Collection[str]) -> "Facts":
            return read_facts(mirror, predecessor, judged, others)

        setting = Setting(
            source=source,
            org_id=generation.sources[source]["org_id"],
            generation=generation.n,
            people=workspace.people(source),
            policy=workspace.policy,
            config=workspace.config,
            as_of=workspace.as_of,
            facts=facts,
        )
        yield Desk(mirror=mirror, setting=setting)


def source_of(shell: Shell, predecessor: str) -> str:
    """Find the source that the predecessor's plan acts on.

    Where several know him, it is the one in which he owns accounts.

    Raises:
        UnknownName: none does.
        AmbiguousName: he owns accounts in several.
    """
    from handover.mirror.find import USER, find_user

    found: dict[str, Person] = {}
    unknown: UnknownName | None = None
    for source in sorted(shell.workspace.generation().sources):
        try:
            found[source] = find_user(shell.workspace.people(source), predecessor)
        except UnknownName as error:
            unknown = error
    if unknown is not None and not found:
        raise unknown
    owning = [s for s in found if len(found) > 1 and _owns(shell, s, found[s])]
    chosen = owning or list(found)[:1]
    if len(chosen) > 1:
        named = (f"{source}:{found[source].id}" for source in chosen)
        raise AmbiguousName(kind=USER, name=predecessor, candidates=", ".join(named))
    return chosen[0]


def _owns(shell: Shell, source: str, person: "Person") -> bool:
    with shell.workspace.mirror(source) as mirror:
        query = "select 1 from accounts where owner_id = $owner limit 1"
        return bool(mirror.rows(query, owner=person.id))


def maker(shell: Shell, source: str) -> str | None:
    """Name who draws up a plan, if that is known; it decides nothing yet."""
    try:
        return shell.workspace.decider(source)
    except NoDecider:
        return None


def decision(shell: Shell, source: str, given: Mapping[str, Any]) -> "Decision":
    """Put together who decides, at which machine, why, and how we know.

    Raises:
        NoDecider: nobody is named.
    """
    from handover.plan.store import Decision

    workspace, actor = shell.workspace, shell.workspace.actor
    file: Path | None = given.get("evidence")
    evidence = {"kind": "session"}
    if file is not None:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        evidence = {"kind": "file", "name": file.name, "sha256": digest}
    return Decision(
        person_id=workspace.decider(source),
        actor=actor.user,
        host=actor.host,
        tool_version=actor.tool_version,
        at=workspace.now,
        reason=given.get("reason"),
        evidence=evidence,
        on_behalf=given.get("on_behalf"),
    )


def reader(shell: Shell, source: str) -> "Reader":
    """Know the words and names for showing a source's plans."""
    from handover.mirror.find import account_names
    from handover.plan.view import Reader

    workspace = shell.workspace
    return Reader(
        words=shell.words,
        name=workspace.people(source).name,
        currency=workspace.config.money.currency,
        account=account_names(workspace.generation(), source),
        prepare=workspace.policy.plan.prepare,
        effects=workspace.side_effects(source),
    )


def result(
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
            print_plan(plan, reader(shell, plan.source), console)

    def frame() -> "pd.DataFrame":
        import pandas as pd

        from handover.plan.view import sheet

        return pd.DataFrame(
            [line for p in plans for line in sheet(p, reader(shell, p.source))]
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
    from handover.plan.drafting import company
    from handover.plan.page import plan_page

    workspace = shell.workspace
    with workspace.ledger.read() as connection:
        decisions = {plan.id: store.recorded(connection, plan.id) for plan in plans}
    return plan_page(
        plans,
        decisions,
        reader(shell, plans[0].source),
        company(workspace.config, workspace.policy),
        workspace.config.zone,
    )


def orders_of(desk: Desk, given: Mapping[str, Any]) -> list["Order"]:
    """Read who hands over to whom, names replaced by ids."""
    from handover.plan.drafting import Dates, Order
    from handover.plan.moves import by_predecessor, read_moves
    from handover.plan.successors import Move

    names = ("notice", "announce", "start", "end", "effective")
    dates = Dates(**{name: given[name] for name in names})
    file: Path | None = given["moves"]
    reorganisation = None
    if file is not None:
        lines = read_moves(file)
        moves = by_predecessor(lines, file.name, desk.user, desk.accounts(lines))
        reorganisation = f"{desk.setting.as_of:%Y-%m}-{file.stem}"
    else:
        to: list[Move] = [
            Move(successor_id=each)
            for each in dict.fromkeys(map(desk.user, given["successors"]))
        ]
        moves = {desk.user(given["predecessor"]): to}
    return [
        Order(
            predecessor=predecessor,
            moves=tuple(own),
            dates=dates,
            absent=given["absent"],
            reorganisation=reorganisation,
        )
        for predecessor, own in moves.items()
    ]
