import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli import COMMANDS
from cli import handover as root
from handover.commands.options import GlobalOptions
from handover.commands.outcome import fail
from handover.commands.shell import Command, Group, first_line
from handover.errors import DiskFull, Locked, worst_code
from handover.i18n import words_for
from tests.conftest import Cli

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"pydantic", "rich", "sqlalchemy", "pyarrow", "duckdb", "pandas", "babel"}


def commands(
    found: click.Command = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(found, Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            below = found.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))
    else:
        yield path, found


ALL = dict(commands())


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    script = (
        "import sys, cli\n"
        "code = cli.run(cli.handover, ['--help'], {})\n"
        f"sys.exit(code or ','.join({HEAVY!r} & set(sys.modules)) or None)\n"
    )
    best = 9.0
    for _ in range(3):
        begun = time.perf_counter()
        ended = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False
        )
        best = min(best, time.perf_counter() - begun)
        assert ended.returncode == 0, ended.stderr
    assert best < 0.5  # 0.1 s on a quiet machine; tests share theirs


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says_of_itself(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert command.name == name
    assert first_line(command.help) == COMMANDS[name].help


def test_commands_of_later_releases_are_not_there(cli: Cli) -> None:
    for name in ("auth", "report", "serve", "purge"):
        assert cli(name).code == 2


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_each_command_has_help_an_example_and_the_global_options(
    cli: Cli, path: tuple[str, ...]
) -> None:
    command = ALL[path]
    assert isinstance(command, Command)
    example = f"handover {' '.join(path)}"
    assert command.example is not None
    assert command.example.startswith(example)
    assert len(first_line(command.help)) <= 72
    shown = cli(*path, "--help")
    assert shown.code == 0
    assert example in shown.out
    assert {"--as-of", "--json", "--lang"} <= {
        o for p in command.params for o in p.opts
    }


@pytest.mark.parametrize(
    "words", [("--json", "mapping", "list"), ("mapping", "list", "--json")]
)
def test_global_options_stand_before_or_after_the_command(
    cli: Cli, words: tuple[str, ...]
) -> None:
    ended = cli(*words)
    assert ended.code == 0
    assert ended.json["schema"].startswith("handover.mapping")
    assert ended.json["ok"] is True


def test_the_later_place_wins(cli: Cli) -> None:
    assert cli("--format", "csv", "help", "--format", "json").json["ok"] is True


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "nosuch"),
        ("plan", "nosuch", "--json"),
        ("plan", "show", "--json"),
        ("audit", "--fail-on", "often", "--json"),
        ("audit", "--bogus", "--json"),
        ("--json", "audit", "--as-of", "x"),
    ],
)
def test_a_usage_error_is_an_envelope_too(cli: Cli, words: tuple[str, ...]) -> None:
    ended = cli(*words)
    assert ended.code == 2
    assert ended.json["ok"] is False
    assert set(ended.json) == {"schema", "ok", "as_of", "data", "warnings", "error"}
    assert ended.json["error"]["code"] == "usage"
    assert ended.json["error"]["hint"].endswith("--help")


def test_an_error_is_an_envelope_with_its_code(cli: Cli, folder: Path) -> None:
    (folder / "handover.toml").unlink()
    ended = cli("audit", "--json")
    assert ended.code == 2
    assert ended.json["error"]["code"] == "no_config"
    assert "handover init" in ended.json["error"]["hint"]


def test_an_error_has_three_parts_and_ends_with_the_remedy(cli: Cli) -> None:
    ended = cli("audit")
    mark, what, why, remedy = ended.err.splitlines()
    assert mark.startswith("! A rehearsal: ")
    assert (ended.code, ended.out) == (2, "")
    assert what.startswith("Error: ")
    assert why.startswith("  Reason: ")
    assert remedy == "  → Run: handover sync"
    assert "no_generation" not in ended.err
    assert "[no_generation]" in cli("audit", "-v").err


def test_japanese_is_spoken_throughout(cli: Cli) -> None:
    mark, what, *_ = cli("audit", "--lang", "ja").err.splitlines()
    assert mark.startswith("! リハーサル")
    assert what.startswith("エラー: ")
    shown = cli("audit", "--help", "--lang", "ja").out
    assert "使い方:" in shown
    assert "共通オプション:" in shown
    assert "Show this message" not in shown
    missing = cli("plan", "show", "--lang", "ja").err
    assert "Missing" not in missing


def test_the_language_is_flag_then_environment_then_file(
    cli: Cli, folder: Path
) -> None:
    config = folder / "handover.toml"
    config.write_text('language = "ja"\n', encoding="utf-8")
    assert "使い方" in cli("--help").out
    assert "Usage" in cli("--help", env={"HANDOVER_LANG": "en"}).out
    assert "使い方" in cli("--help", "--lang", "ja", env={"HANDOVER_LANG": "en"}).out


def test_a_form_that_a_command_lacks_is_a_usage_error(cli: Cli) -> None:
    ended = cli("help", "--format", "html")
    assert (ended.code, ended.out) == (2, "")
    assert "html" in ended.err


def test_the_result_goes_into_the_file_asked_for(cli: Cli, folder: Path) -> None:
    ended = cli("help", "exit-codes", "--json", "-o", "codes.json")
    assert (ended.code, ended.out) == (0, "")
    assert '"130"' in (folder / "codes.json").read_text(encoding="utf-8")
    assert [p.name for p in folder.glob(".codes*")] == []


def test_a_dash_is_no_file(cli: Cli, folder: Path) -> None:
    assert cli("help", "-q", "-o", "-").out == cli("help").out
    assert not (folder / "-").exists()


def test_a_workbook_is_not_shown_on_a_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ended = cli("audit", "--format", "xlsx")
    assert (ended.code, ended.out) == (2, "")
    assert "-o FILE" in ended.err


def test_a_file_is_replaced_whole_or_not_at_all(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    old = folder / "codes.json"
    old.write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", full)
    assert cli("help", "exit-codes", "--json", "-o", "codes.json").code == 7
    assert old.read_text(encoding="utf-8") == "old"
    assert [path.name for path in folder.glob(".codes*")] == []


def test_completion_knows_four_shells(cli: Cli) -> None:
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert "_HANDOVER_COMPLETE" in cli("completion", shell).out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("handover rea", {"reassign"}),
        ("handover plan pu", {"publish"}),
        ("handover audit --lang ", {"ja", "en"}),
        ("handover schedule ", {"cron", "systemd", "windows"}),
    ],
)
def test_a_shell_that_asks_is_offered_words(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, typed: str, offered: set[str]
) -> None:
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    ended = cli(env={"_HANDOVER_COMPLETE": "bash_complete"})
    assert ended.code == 0
    assert {line.partition(",")[2] for line in ended.out.split()} == offered


@pytest.mark.parametrize("words", [(), ("plan",), ("runs",)])
def test_a_word_too_few_shows_what_there_is(cli: Cli, words: tuple[str, ...]) -> None:
    ended = cli(*words)
    assert (ended.code, ended.err) == (0, "")
    assert "Commands:" in ended.out


def ended_by(error: BaseException) -> int:
    return fail(error, GlobalOptions(words=words_for("en")))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (OSError(28, "No space left on device"), 7),
        (Locked(pid=1, host="h", since="s", command="sync"), 7),
        (DiskFull(file="x"), 7),
        (RuntimeError("surprise"), 1),
    ],
)
def test_each_way_to_end_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended_by(error) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    script = (
        "import cli\n"
        "code = cli.run(cli.handover, ['help', 'exit-codes', '--json'], {})\n"
        "raise SystemExit(code)\n"
    )
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


def spoken(folder: Path, *words: str, **environ: str) -> bytes:
    """Run a command line in a process of its own; give what it wrote."""
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "cli", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stderr.splitlines()) <= 1  # it is a rehearsal
    return ended.stdout


def test_a_japanese_windows_console_can_show_everything(cli: Cli, folder: Path) -> None:
    (folder / "handover.toml").unlink()
    (folder / "export").rmdir()
    assert cli("init", "--demo", "--lang", "ja").code == 0
    new = ("plan", "new", "--from", "佐藤 健一", "--to", "鈴木 美咲")
    for words in (new, ("audit", "-q", "-o", "-")):
        shown = spoken(folder, *words, PYTHONIOENCODING="cp932").decode("cp932")
        assert "?" not in shown
        assert len(shown) > 200


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(
    ("words", "environ", "coloured"),
    [((), {}, True), (("--no-color",), {}, False), ((), {"NO_COLOR": "1"}, False)],
)
def test_colours_are_for_terminals_of_those_who_want_them(
    folder: Path, words: tuple[str, ...], environ: dict[str, str], *, coloured: bool
) -> None:
    ours, theirs = os.openpty()
    known = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "cli", "audit", *words],
        cwd=folder,
        env={**known, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environ},
        stdout=theirs,
        stderr=theirs,
        check=False,
    )
    shown = os.read(ours, 4096)
    os.close(ours)
    os.close(theirs)
    assert b"Error:" in shown
    assert (b"\x1b[31m" in shown) is coloured


def test_of_several_exit_codes_what_somebody_has_to_mend_comes_first() -> None:
    assert worst_code([]) == 0
    assert worst_code([0, 7, 4]) == 4
    assert worst_code([6, 7]) == 7
    assert worst_code([5, 2]) == 2
