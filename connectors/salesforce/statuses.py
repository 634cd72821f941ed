"""The words of an org for open and done tasks.

Status labels differ per org: one that was set up in Japanese has no ``Completed``, and
a word that it does not know leaves a task open. ``TaskStatus`` says which are closed.
"""

from connectors.salesforce.org import Org
from connectors.salesforce.parts import query
from connectors.salesforce.schema import Shapes

OBJECT = "TaskStatus"
NAMES = ("ApiName", "MasterLabel")
"""Fields that hold the value of a status; older API versions have only the second."""


def own_words(
    org: Org, shapes: Shapes, field: tuple[str, str], wished: tuple[str, str]
) -> tuple[str, str]:
    """Keep the wished words that the org has, and take its own for the others.

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
    told = shapes.known(OBJECT)
    name = next((n for n in NAMES if told and told.sees(n)), None)
    if name is None:
        return wished
    rows = list(query(org, OBJECT, [name, "IsClosed", "IsDefault", "SortOrder"], ()))
    rows.sort(key=lambda row: (row["IsDefault"] is not True, row["SortOrder"] or 0))
    first: dict[bool, str] = {}
    for row in rows:
        first.setdefault(row["IsClosed"] is True, str(row[name]))
    opened, done = wished
    return (
        opened if opened in known else first.get(False, opened),
        done if done in known else first.get(True, done),
    )
