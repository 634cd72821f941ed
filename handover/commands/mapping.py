"""``handover mapping``: which mappings there are, what they say, whether they fit."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell, command, group
from handover.paper import signs

if TYPE_CHECKING:
    from rich.console import Console

    from handover.paper.table import Table
    from mappings.check import Checked, MappingProblem
    from mappings.errors import MappingError
    from mappings.model import Mapping as CrmMapping


BROUGHT_ALONG = "activity_links"
"""Not listed by itself: what activities are mapped to brings it along."""


@group("mapping")
def mapping() -> None:
    """Show and check where the CRM keeps what."""


@command("list", example="handover mapping list", parent=mapping)
def list_mappings(shell: Shell) -> Result:
    """List the built-in mappings and those that are configured."""
    from mappings.load import built_in, load_mapping

    rows = [
        {"name": name, "source": None, "hash": load_mapping(name, Path.cwd()).hash}
        for name in built_in()
    ]
    for source in shell.workspace.sources():
        used = shell.workspace.mapping(source)
        rows.append({"name": used.name, "source": source, "hash": used.hash})

    def show(console: "Console") -> None:
        table = _table(shell, "Mapping", "Used by", "Version")
        for row in rows:
            table.add_row(row["name"], row["source"] or "", str(row["hash"])[:12])
        console.print(table)

    return Result(name="mapping", data={"mappings": rows}, text=show)


@command("show", example="handover mapping show hubspot", parent=mapping)
@click.argument("name", required=False)
def show_mapping(shell: Shell, *, name: str | None) -> Result:
    """Show what a mapping fills, column by column.

    NAME is a built-in mapping or a file; without it, the configured ones are shown.
    """
    from mappings.load import load_mapping

    if name:
        shown = [load_mapping(name, Path.cwd())]
    else:
        shown = [shell.workspace.mapping(s) for s in shell.workspace.sources()]

    def show(console: "Console") -> None:
        for one in shown:
            table = _table(shell, "Table", "Column", "Object", "Comes from")
            table.title = f"{one.name} {one.hash[:12]}"
            for row in _rows(one):
                table.add_row(*row.values())
            console.print(table)

    data = {"mappings": [_described(one) for one in shown]}
    return Result(name="mapping", data=data, text=show)


@command("check", example="handover mapping check", parent=mapping)
@click.option("--source", metavar="CRM", help="Check this CRM only.")
def check_mapping(shell: Shell, *, source: str | None) -> Result:
    """Ask the CRM whether it has everything that its mapping names."""
    from connectors.base import listing
    from handover.mirror.visibility import Describer
    from mappings.check import check

    workspace = shell.workspace
    sources = workspace.sources()
    if source is not None and source not in sources:
        raise click.UsageError(shell.words("{source} is not configured", source=source))

    def judge(name: str) -> "Checked":
        connector = workspace.connector(name)
        describe = Describer(connector=connector)
        return check(workspace.mapping(name), describe, listing(connector))

    checked = {name: judge(name) for name in ([source] if source else sources)}

    def show(console: "Console") -> None:
        for one, found in checked.items():
            _print_check(shell, console, one, found)

    return Result(
        name="mapping",
        data={"sources": [_judged(one, found) for one, found in checked.items()]},
        text=show,
        warnings=[
            Notice(code=problem.code, params=_params(one, problem))
            for one, found in checked.items()
            for problem in found.problems
            if not problem.fatal
        ],
        error=_first_error(checked),
    )


def _first_error(checked: Mapping[str, "Checked"]) -> "MappingError | None":
    errors = (
        found.error(problem)
        for found in checked.values()
        for problem in found.problems
        if problem.fatal
    )
    return next(errors, None)


def _rows(one: "CrmMapping") -> Iterator[dict[str, str]]:
    for table, parts in one.tables.items():
        for part in parts:
            for column, form in part.fields.items():
                yield {
                    "table": table,
                    "column": column,
                    "object": part.object,
                    "from": str(form),
                }


def _described(one: "CrmMapping") -> dict[str, object]:
    rule = one.derived_owner
    return {
        "name": one.name,
        "file": one.file,
        "hash": one.hash,
        "columns": list(_rows(one)),
        "derived_owner": rule and {"from": rule.table, "pick": rule.pick},
        "also": [f"{table}.{field}" for table, field in one.also],
        "task_key": one.write.task_key,
    }


def _judged(source: str, found: "Checked") -> dict[str, object]:
    return {
        "source": source,
        "name": found.mapping.name,
        "hash": found.mapping.hash,
        "problems": [
            {"code": problem.code, "fatal": problem.fatal, **_params(source, problem)}
            for problem in found.problems
        ],
        "columns": [
            {"table_name": table, "column_name": column, "status": status}
            for table, column, status in found.columns
        ],
    }


def _params(source: str, problem: "MappingProblem") -> dict[str, object]:
    return {
        "source": source,
        "table": problem.table,
        "column": problem.column,
        "object": problem.object,
        "field": problem.field,
        "suggestion": problem.suggestion,
    }


def _print_check(
    shell: Shell, console: "Console", source: str, found: "Checked"
) -> None:
    """Print the state of every table, and what is wrong."""
    words = shell.words
    table = _table(shell, "Table", "Mapped", "Unreadable", "Unmapped")
    table.title = f"{source} ({found.mapping.name})"
    whole = {
        name: status
        for name, column, status in found.columns
        if column == "*" and name != BROUGHT_ALONG
    }
    for name, status in whole.items():
        by_status = _by_status(found, name)
        if status == "unmapped":
            by_status["unmapped"] = [words("the whole table")]
        table.add_row(
            name,
            str(len(by_status["mapped"])),
            ", ".join(by_status["unreadable"]),
            ", ".join(by_status["unmapped"]),
        )
    console.print(table)
    for problem in found.problems:
        if problem.fatal:
            said = words.sentence(found.error(problem))
            console.print(f"{signs.BAD} {said.what}")
    if not any(problem.fatal for problem in found.problems):
        text = words("{name} fits this CRM.", name=found.mapping.name)
        console.print(f"{signs.GOOD} {text}")


def _by_status(found: "Checked", table: str) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {"mapped": [], "unreadable": [], "unmapped": []}
    for name, column, status in found.columns:
        if name == table and column != "*":
            columns[status].append(column)
    return columns


def _table(shell: Shell, *titles: str) -> "Table":
    from handover.paper.table import Table

    return Table(*map(shell.words, titles), box=None, title_justify="left")
