"""How much memory a merge may take: it follows the machine and its control groups."""

from pathlib import Path

import pytest

from handover.mirror.memory import LEAST, MOST, SHARE, merge_memory

MB = 1 << 20


def system(root: Path, groups: str, limits: dict[str, str]) -> Path:
    """Write what Linux shows of a process's control groups."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups, encoding="utf-8")
    for name, limit in limits.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit + "\n", encoding="utf-8")
    return root


def test_where_nothing_is_limited_it_is_bounded_by_what_helps(tmp_path: Path) -> None:
    assert LEAST <= merge_memory(tmp_path) <= MOST


@pytest.mark.parametrize(
    ("groups", "limits"),
    [
        ("0::/batch/job\n", {"batch/job/memory.max": str(800 * MB)}),
        # The limit of a group above counts as well.
        (
            "0::/batch/job\n",
            {"batch/job/memory.max": "max", "batch/memory.max": str(800 * MB)},
        ),
        # In a container the path is that of the host, and only the top can be seen.
        ("0::/docker/0123abc\n", {"memory.max": str(800 * MB)}),
        (
            "5:cpu,cpuacct:/\n4:memory:/job\n0::/\n",
            {"memory/job/memory.limit_in_bytes": str(800 * MB)},
        ),
    ],
)
def test_a_limit_of_the_container_counts(
    tmp_path: Path, groups: str, limits: dict[str, str]
) -> None:
    assert merge_memory(system(tmp_path, groups, limits)) == int(800 * MB * SHARE)


def test_a_small_container_still_gets_what_a_merge_needs_at_least(
    tmp_path: Path,
) -> None:
    root = system(tmp_path, "0::/\n", {"memory.max": str(64 * MB)})
    assert merge_memory(root) == LEAST
