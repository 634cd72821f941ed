"""What an approval covers besides the plan's rows, edited after it was given."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import pytest

from tests.worlds.world import Act, World

Ways = Iterator[tuple[Act, Sequence[str]]]
ACTS: tuple[Act, ...] = ("publish", "reassign")
ELSEWHERE = (
    ("accounts.fields", 'owner_id = "Elsewhere"', "Elsewhere"),
    ("opportunities.fields", 'owner_id = "Elsewhere"', "opportunities"),
    ("transfer", 'also = ["contacts.Elsewhere"]', "contacts.Elsewhere"),
    ("write.task", 'due = "Elsewhere"', "due"),
)
"""Lines of a mapping after which something else is written, and what names it."""
LIFTED = (
    ("drift_share = 1.0", "transfer.drift_share"),
    ("max_accounts = 9999", "transfer.max_accounts"),
    ('undo_by = ["somebody"]', "transfer.undo_by"),
)
"""Guards of the policy that are lifted, and what names them."""


@contextmanager
def edited(world: World, name: str, text: str) -> Iterator[None]:
    """Put a file of the working folder in place, and take it back."""
    path, config = world.folder / name, world.folder / "handover.toml"
    kept = {each: each.read_bytes() for each in (path, config) if each.exists()}
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.unlink()
        for each, content in kept.items():
            each.write_bytes(content)


def go_by(config: Path, section: str, key: str, value: str) -> None:
    """Set a key of the configuration, in a section that may be there."""
    text = config.read_text(encoding="utf-8")
    line = f'{key} = "{value}"'
    if section == "crm":
        found = re.subn(rf"^{key} = .*$", line, text, flags=re.MULTILINE)
        text = found[0] if found[1] else f"{text}{line}\n"
    else:
        text += f"[{section}]\n{line}\n"
    config.write_text(text, encoding="utf-8")


class Approvals:
    """What is refused until it is approved again, whatever the CRM."""

    @pytest.fixture
    def ways(self) -> Ways:
        """One way of carrying a plan out after the other, and around again."""
        return cycle((act, words) for words in ((), ("--dry-run",)) for act in ACTS)

    def refused(self, world: World, ways: Ways, named: str) -> None:
        """Have the next way of carrying the plan out refused, and the reason named."""
        act, words = next(ways)
        ended = world.do(act, *words)
        error = ended.json["error"]
        assert (ended.code, error["code"]) == (5, "terms_changed")
        assert named in error["message"], error

    @pytest.mark.sampled
    def test_a_mapping_that_writes_elsewhere_needs_a_new_approval(
        self, world: World, ways: Ways
    ) -> None:
        config = world.folder / "handover.toml"
        for section, line, named in ELSEWHERE:
            text = f'extends = "{world.mapping}"\n[{section}]\n{line}\n'
            with edited(world, "later.toml", text):
                go_by(config, "crm", "mapping", "later.toml")
                self.refused(world, ways, named)
        assert world.arrived == []
        text = f'extends = "{world.mapping}"\n[accounts.extra]\nnotes = "id"\n# more\n'
        with edited(world, "later.toml", text):
            go_by(config, "crm", "mapping", "later.toml")
            assert world.do("reassign", "--dry-run").code == 0

    @pytest.mark.sampled
    def test_a_lifted_guard_or_a_new_delegate_needs_a_new_approval(
        self, world: World, ways: Ways
    ) -> None:
        config = world.folder / "handover.toml"
        for line, named in LIFTED:
            with edited(world, "policy.toml", f"[transfer]\n{line}\n"):
                go_by(config, "policy", "file", "policy.toml")
                self.refused(world, ways, named)
        people = f"user,delegate\n{world.manager_id},{world.successor}\n"
        with edited(world, "people.csv", people):
            self.refused(world, ways, "may decide now")
        assert world.arrived == []
        assert world.do("reassign").code == 0

    @pytest.mark.sampled
    def test_what_is_approved_again_is_carried_out(
        self, world: World, ways: Ways
    ) -> None:
        config = world.folder / "handover.toml"
        (world.folder / "policy.toml").write_text(
            "[transfer]\ndrift_min = 9\n", encoding="utf-8"
        )
        go_by(config, "policy", "file", "policy.toml")
        self.refused(world, ways, "transfer.drift_min")
        submitted = world.run(
            "plan", "submit", world.plan, "--as", world.manager, *world.today
        )
        assert submitted.data["plan"]["state"] == "submitted"
        shown = world.cli("plan", "show", world.plan, "--changes", *world.today)
        assert "policy transfer.drift_min: 9, before 5" in shown.out
        approved = world.run(
            "plan", "approve", world.plan, "--as", world.manager, *world.today
        )
        assert approved.code == 0
        assert world.do("reassign").code == 0
        assert world.owners() == world.handed
