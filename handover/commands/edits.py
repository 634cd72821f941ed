"""The options by which ``plan edit`` and ``plan approve`` say what changes."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from handover.commands.options import DAY

if TYPE_CHECKING:
    from handover.plan.answering import Answers
    from handover.plan.edits import Edits, Fate
    from handover.plan.model import ClassEdit

Body = TypeVar("Body", bound=Callable[..., Any])

MOMENT = "A=YYYY-MM-DD[THH:MM]"
CLASSED = "A=key|priority|normal|proposed"

_OPTIONS = (
    click.option("--meet", multiple=True, metavar="A", help="Meet this account."),
    click.option("--inform", multiple=True, metavar="A", help="Inform only."),
    click.option("--hold", multiple=True, metavar="A", help="Hold until --until."),
    click.option("--until", type=DAY, metavar="D", help="The day a hold ends."),
    click.option("--exclude", multiple=True, metavar="A", help="Leave it out."),
    click.option("--attend", multiple=True, metavar="A", help="The manager attends."),
    click.option("--no-attend", multiple=True, metavar="A", help="They do not."),
    click.option(
        "--class",
        "classes",
        multiple=True,
        metavar=CLASSED,
        help="The customer's class, for this plan.",
    ),
    click.option("--online", multiple=True, metavar="A", help="Meet online."),
    click.option("--successor", multiple=True, metavar="A=U", help="Who takes over."),
    click.option(
        "--date",
        multiple=True,
        metavar=MOMENT,
        help="The day of the visit, and when it begins.",
    ),
    click.option(
        "--opportunity",
        multiple=True,
        metavar="O=transfer|hold:D",
        help="What becomes of an opportunity.",
    ),
    click.option(
        "--loose",
        multiple=True,
        metavar="TABLE[:ID]=transfer|hold:D|leave",
        help="What becomes of records without an account.",
    ),
    *(
        click.option(f"--{name}", type=DAY, metavar="D", help=text)
        for name, text in (
            ("announce", "When customers are told."),
            ("start", "The first day of visits."),
            ("end", "The last day of visits."),
            ("effective", "When the owners change."),
        )
    ),
    click.option("--waive", multiple=True, metavar="A:ITEM", help="Do without it."),
    click.option("--reason", metavar="T", help="Why."),
)


_ANSWERS = (
    click.option(
        "--agreed", multiple=True, metavar="A", help="The customer agreed to the date."
    ),
    click.option(
        "--declined",
        multiple=True,
        metavar="A",
        help="The customer declined it: --reason.",
    ),
)


def answer_options(body: Body) -> Body:
    """Add the options that tell what customers answered."""
    for option in reversed(_ANSWERS):
        body = option(body)
    return body


def read_answers(given: Mapping[str, Any]) -> "Answers":
    """Read what customers answered; accounts stay as they were typed."""
    from handover.plan.answering import Answers

    return Answers(
        agreed=given["agreed"], declined=given["declined"], reason=given["reason"]
    )


def edit_options(body: Body) -> Body:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        body = option(body)
    return body


def read_edits(given: Mapping[str, Any]) -> "Edits":
    """Read the options; accounts and users stay as they were typed.

    Raises:
        BadEdit: a value has another form than its option wants.
    """
    from handover.plan.dates import PlanDates
    from handover.plan.edits import Edits

    moments = {
        account: _read_moment(text)
        for account, text in _read_pairs("--date", MOMENT, given["date"])
    }
    return Edits(
        meet=given["meet"],
        inform=given["inform"],
        hold=given["hold"],
        exclude=given["exclude"],
        attend=given["attend"],
        no_attend=given["no_attend"],
        online=given["online"],
        until=given["until"],
        successors=dict(_read_pairs("--successor", "A=U", given["successor"])),
        dates={account: day for account, (day, _) in moments.items()},
        times={account: time for account, (_, time) in moments.items() if time},
        opportunities={
            record: _read_fate("--opportunity", fate)
            for record, fate in _read_pairs(
                "--opportunity", "O=transfer|hold:D", given["opportunity"]
            )
        },
        loose={
            _read_record(record): _read_fate("--loose", fate)
            for record, fate in _read_pairs(
                "--loose", "TABLE[:ID]=transfer|hold:D|leave", given["loose"]
            )
        },
        period=PlanDates(
            **{name: given[name] for name in ("announce", "start", "end", "effective")}
        ),
        waive=tuple(map(_read_waiver, given["waive"])),
        classes={
            account: _read_class(account, text)
            for account, text in _read_pairs("--class", CLASSED, given["classes"])
        },
        prepared_by=given.get("prepared_by"),
        reason=given["reason"],
    )


def _read_pairs(option: str, form: str, values: Sequence[str]) -> list[tuple[str, str]]:
    from handover.plan.errors import BadEdit

    pairs = []
    for value in values:
        key, sign, said = value.rpartition("=")
        if not (sign and key.strip() and said.strip()):
            raise BadEdit(option=option, value=value, form=form)
        pairs.append((key.strip(), said.strip()))
    return pairs


def _read_class(account: str, text: str) -> "ClassEdit":
    from handover.plan.errors import BadEdit

    match text:
        case "key" | "priority" | "normal" | "proposed":
            return text
        case _:
            raise BadEdit(option="--class", value=f"{account}={text}", form=CLASSED)


def _read_day(option: str, text: str) -> dt.date:
    from handover.plan.errors import BadEdit

    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadEdit(option=option, value=text, form="YYYY-MM-DD") from None


def _read_moment(text: str) -> tuple[dt.date, str | None]:
    """Read a day, and the time behind it if there is one."""
    from handover.plan.errors import BadEdit

    try:
        if "T" not in text:
            return dt.date.fromisoformat(text), None
        moment = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - local
    except ValueError:
        raise BadEdit(option="--date", value=text, form=MOMENT) from None
    return moment.date(), f"{moment:%H:%M}"


def _read_fate(option: str, text: str) -> "Fate":
    from handover.plan.edits import FATES, Fate
    from handover.plan.errors import BadEdit

    action, _, until = text.partition(":")
    match action:
        case "transfer" if not until:
            return Fate(action="transfer")
        case "leave" if not until:
            return Fate(action="leave")
        case "hold":
            return Fate(
                action="hold", until=_read_day(option, until) if until else None
            )
        case _:
            pass
    raise BadEdit(option=option, value=text, form=FATES)


def _read_record(text: str) -> tuple[str, str | None]:
    from handover.plan.errors import BadEdit
    from handover.plan.model import LOOSE_TABLES

    table, _, record = text.partition(":")
    if table not in LOOSE_TABLES:
        form = ", ".join(LOOSE_TABLES)
        raise BadEdit(option="--loose", value=table, form=form)
    return table, record or None


def _read_waiver(text: str) -> tuple[str, str]:
    from handover.plan.errors import BadEdit

    account, sign, item = text.rpartition(":")
    if not (sign and account and item):
        raise BadEdit(option="--waive", value=text, form="A:ITEM")
    return account, item
