"""The pages in a real browser: they render, print, and ask nobody for anything."""

import datetime as dt
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from handover.demo import write_demo
from tests.conftest import Cli

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TODAY = dt.date(2027, 3, 1)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
)


def chromium(folder: Path, *words: str) -> str:
    """Run the browser with a profile of its own; the page must not complain.

    A page asks nobody for anything: its policy would refuse, and the console say so.
    """
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    ended = subprocess.run(  # noqa: S603 - the browser we looked up
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert [line for line in ended.stderr.splitlines() if ":CONSOLE" in line] == []
    return ended.stdout


@pytest.mark.browser
def test_a_page_that_asks_for_something_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    rule = "Content-Security-Policy"
    policy = f"""<meta http-equiv="{rule}" content="default-src 'none'">"""
    image = '<img src="http://127.0.0.1:9/x.png">'
    page.write_text(f"<!doctype html>{policy}{image}", encoding="utf-8")
    with pytest.raises(AssertionError, match="Loading the image"):
        chromium(tmp_path, "--dump-dom", page.as_uri())


@pytest.mark.browser
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.every(2)
def test_the_pages_render_and_print_without_the_network(
    folder: Path, cli: Cli, language: str
) -> None:
    write_demo(folder, TODAY)
    on = ("--as-of", TODAY.isoformat(), "--lang", language)
    assert cli("sync", "-q").code == 0
    assert cli("audit", "-o", "audit.html", *on).code == 0
    assert (
        cli("plan", "new", "--from", "U01", "--to", "U02", "-o", "plan.html", *on).code
        == 0
    )
    plan = cli("plan", "list", "--json", *on).data["plans"][0]
    day = ("--person", "U02", "--on", plan["start"], "-o", "day.html")
    assert cli("plan", "show", plan["id"], *day, *on).code == 0
    assert cli("meeting", "pack", plan["id"], "-o", "packs.html", *on).code == 0
    assert cli("leaver", "U01", "-o", "leaver.html", *on).code == 3
    for name in ("audit.html", "plan.html", "day.html", "packs.html", "leaver.html"):
        page = (folder / name).as_uri()
        shown = chromium(folder, "--dump-dom", page)
        assert f'<html lang="{language}">' in shown
        assert "佐藤 健一" in shown
        assert not re.search(r"(src|href)=\"(?!https://)[a-z]+://", shown)
        printed = folder / f"{name}.pdf"
        chromium(folder, f"--print-to-pdf={printed}", page)
        assert printed.read_bytes().startswith(b"%PDF")
