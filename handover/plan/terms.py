"""What an approval rests on besides a plan's rows, and whether it still holds.

Whoever approves a plan agrees to where its owners and tasks are written, to the guards
under which a run may write them, and to who may decide about it. All three stand in
files that anybody may edit afterwards. So a plan carries them as of its submission,
under its fingerprint, and is not carried out while they are others.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from handover.i18n import Phrase
from handover.ledger.states import OWNER_ACTION
from handover.mirror.people import People
from handover.plan.deciders import list_approvers, list_managers, list_undoers
from handover.plan.errors import TermsChanged
from handover.plan.model import Plan, Terms
from handover.policy import Policy
from mappings.forms import Form, Joined
from mappings.model import Mapping as CrmMapping

TASK = "task"
"""What the names of the parts of our tasks begin with."""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """One source's people, policy and mapping, as they are now."""

    people: People
    policy: Policy
    mapping: CrmMapping

    def read_terms(self, plan: Plan) -> Terms:
        """Return what an approval of a plan would rest on now."""
        approvers = list_approvers(plan, self.people)
        undo_by = self.policy.transfer.undo_by
        return Terms(
            written=dict(_list_written(self.mapping)),
            guards=dict(_list_guards(self.policy)),
            deciders=tuple(sorted({*list_managers(plan, self.people), *approvers})),
            undoers=list_undoers(plan, self.people, undo_by),
        )

    def check(self, plan: Plan) -> None:
        """Refuse a plan that was submitted on other terms than those of now.

        Raises:
            TermsChanged: what is different, one by one.
        """
        found = self.list_differences(plan)
        if found:
            raise TermsChanged(plan=plan.id, differences=tuple(found))

    def list_differences(self, plan: Plan) -> list[Phrase]:
        """List in words what is different from what a plan was submitted on."""
        return list(compare_terms(plan.terms, self.read_terms(plan), self.people.name))


def compare_terms(
    before: Terms | None, now: Terms | None, name: Callable[[str], str] = str
) -> Iterator[Phrase]:
    """Yield in words what is different; ``name`` says people's names."""
    if before == now:
        return
    if before is None or now is None:
        yield Phrase(text="terms:unknown")
        return
    yield from compare_values(before.written, now.written)
    yield from compare_values(before.guards, now.guards)
    for what, old, new in (
        ("decides", set(before.deciders), set(now.deciders)),
        ("undoes", set(before.undoers), set(now.undoers)),
    ):
        for sign, persons in (("more", new - old), ("less", old - new)):
            for person in sorted(persons):
                params = {"user": name(person)}
                yield Phrase(text=f"terms:{what}:{sign}", params=params)


def compare_values(
    before: Mapping[str, str], now: Mapping[str, str], kind: str = ""
) -> Iterator[Phrase]:
    """Yield in words which values are others, of all or of one kind."""
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        of_kind, _, rest = name.partition(":")
        if old != new and kind in ("", of_kind):
            params = {"name": rest, "before": old or "-", "now": new or "-"}
            yield Phrase(text=f"terms:{of_kind}", params=params)


def _list_written(mapping: CrmMapping) -> Iterator[tuple[str, str]]:
    """Yield what a mapping says of writing: names and places."""
    for table in OWNER_ACTION:
        owners, ids = [], []
        for part in mapping.of(table):
            owner, own_id = part.fields.get("owner_id"), part.fields.get("id")
            if owner is not None:
                owners.append(f"{part.object}: {_spell(owner)}")
                ids.append(f"{part.object}: {_spell(own_id)}")
        if owners:
            yield f"owner:{table}", ", ".join(owners)
            yield f"id:{table}", ", ".join(ids)
    for table, field in mapping.also:
        yield f"also:{table}.{field}", field
    write = mapping.write.model_dump(mode="json")
    for name, value in _flatten(write.pop("task") or {}):
        yield f"{TASK}:{name}", value
    for name, value in _flatten(write):
        yield f"{TASK}:{name}", value


def _spell(form: Form | None) -> str:
    """Return a form in one line that says all of it."""
    if isinstance(form, Joined):
        return f"{form} ({form.join!r})"
    return "-" if form is None else str(form)


def _list_guards(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield the rules of the policy under which runs write, and what tasks ask for."""
    for name, value in _flatten(policy.transfer.model_dump(mode="json")):
        yield f"guard:transfer.{name}", value
    must = sorted(item.code for item in policy.enabled if item.level == "must")
    yield "guard:item.level", ", ".join(must)


def _flatten(
    content: Mapping[str, object], above: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the values of nested tables, by dotted names."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{above}{name}.")
        elif value is not None:
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            yield f"{above}{name}", text
