"""What an org says of itself: which one it is, who we are, its words for tasks."""

from collections.abc import Mapping
from typing import Any

from connectors.base import Identity, Row
from connectors.errors import NotPermitted, Refused, UnknownObject, Unreachable
from connectors.salesforce.org import Org
from connectors.salesforce.problems import SOURCE
from connectors.salesforce.queries import query
from connectors.salesforce.schema import Shapes, check_version

USERINFO = "/services/oauth2/userinfo"
ORGANIZATION = "Organization"
ORG_FIELDS = ("Id", "Name", "IsSandbox")
TASK_STATUS = "TaskStatus"
STATUS_NAMES = ("ApiName", "MasterLabel")
"""Fields that hold the value of a status; older API versions have only the second."""


def identify(org: Org) -> Identity:
    """Read the org's own record, and who we are from the log-in or OpenID Connect.

    A user who may not see that record learns the org's id from those as well; what does
    not say that it is a sandbox counts as production.

    Raises:
        ConnectorError: nobody tells which org this is.
    """
    token = org.token
    record, problem = _record(org)
    knows_us = token.user_id and (record or token.org_id)
    told = {} if knows_us else _userinfo(org)
    org_id = record.get("Id") or token.org_id or told.get("organization_id")
    if not org_id:
        raise problem
    return Identity(
        org_id=str(org_id),
        org_name=str(record.get("Name") or org_id),
        production=record.get("IsSandbox") is not True,
        local=org.is_local,
        user_id=token.user_id or told.get("user_id"),
        user_name=told.get("name"),
    )


def _record(org: Org) -> tuple[Row, Exception]:
    """Read the org's own record, or the error that says why there is none."""
    try:
        rows = list(query(org, ORGANIZATION, ORG_FIELDS, ()))
    except (NotPermitted, UnknownObject, Refused) as error:
        if isinstance(error, UnknownObject):
            check_version(org)
        return {}, error
    missing = Refused(source=SOURCE, object=ORGANIZATION, detail="no record")
    return (rows[0] if rows else {}), missing


def _userinfo(org: Org) -> Mapping[str, Any]:
    """Ask who we are; an integration user may not be allowed to know."""
    try:
        data = org.data(USERINFO)
    except (NotPermitted, UnknownObject, Refused, Unreachable):
        return {}
    return data if isinstance(data, dict) else {}


def own_words(
    org: Org, shapes: Shapes, field: tuple[str, str], wished: tuple[str, str]
) -> tuple[str, str]:
    """Return the wished words where the org has them, and its own for the others.

    Args:
        org: to ask.
        shapes: what it shows us.
        field: object and field that hold the status.
        wished: words for an open and a done task.
    """
    shape = shapes.known(field[0])
    known = shape.choices.get(field[1], frozenset()) if shape else frozenset()
    if not known or known.issuperset(wished):
        return wished
    told = shapes.known(TASK_STATUS)
    name = next((n for n in STATUS_NAMES if told and told.sees(n)), None)
    if name is None:
        return wished
    rows = list(
        query(org, TASK_STATUS, [name, "IsClosed", "IsDefault", "SortOrder"], ())
    )
    rows.sort(key=lambda row: (row["IsDefault"] is not True, row["SortOrder"] or 0))
    first: dict[bool, str] = {}
    for row in rows:
        first.setdefault(row["IsClosed"] is True, str(row[name]))
    opened, done = wished
    return (
        opened if opened in known else first.get(False, opened),
        done if done in known else first.get(True, done),
    )
