"""From canonical records to the CRM's own objects, fields and ids, and back."""

from collections.abc import Mapping as Map

from connectors.base import Create, Row, SetField
from handover.transfer.errors import NoTaskMapping, OwnerNotWritable
from mappings.cells import Sight, recode, take
from mappings.forms import Form
from mappings.model import Mapping, TaskMapping, is_file
from mappings.text import as_text
from mappings.words import canonical


def owner_change(
    mapping: Mapping,
    table: str,
    record: tuple[str | None, str],
    users: tuple[str, str],
) -> SetField:
    """Address the change of a record's owner.

    Args:
        mapping: of the CRM.
        table: canonical table.
        record: the CRM's object, where known, and the canonical id.
        users: canonical ids of the owner before and after.

    Raises:
        OwnerNotWritable: the mapping derives the owner.
    """
    name, own_id = crm_record(mapping, table, record)
    target = mapping.target(table, "owner_id", name)
    if target is None:
        raise OwnerNotWritable(table=table)
    before, after = (target.encode(crm_user(mapping, user)) for user in users)
    return SetField(
        object=target.object, id=own_id, field=target.field, before=before, after=after
    )


def field_change(
    mapping: Mapping,
    table: str,
    record: tuple[str | None, str],
    field: str,
    users: tuple[str, str],
) -> SetField:
    """Address the change of an owner-like field, which a mapping names as it is."""
    name, own_id = crm_record(mapping, table, record)
    before, after = (crm_user(mapping, user) for user in users)
    return SetField(
        object=name or mapping.of(table)[0].object,
        id=own_id,
        field=field,
        before=before,
        after=after,
    )


def crm_record(
    mapping: Mapping, table: str, record: tuple[str | None, str]
) -> tuple[str | None, str]:
    """Give a record's object and id in the CRM."""
    name, canonical = record
    carried, own_id = mapping.crm_id(table, canonical)
    return carried or name, own_id


def crm_user(mapping: Mapping, user: str) -> str:
    """Give a user's id in the CRM."""
    return mapping.crm_id("users", user)[1]


def task_mapping(mapping: Mapping) -> TaskMapping:
    """Give what the mapping says of our tasks.

    Raises:
        NoTaskMapping: it says nothing.
    """
    if mapping.write.task is None:
        raise NoTaskMapping(mapping=mapping.name)
    return mapping.write.task


def task_create(
    mapping: Mapping, key: str, parts: Map[str, str], account_id: str
) -> Create:
    """Address a new task of ours; ``parts`` are subject, text, due and owner_id."""
    task = task_mapping(mapping)
    values: dict[str, str | None] = {
        task.subject: parts["subject"],
        task.text: parts["text"],
        task.due: parts["due"],
        task.owner_id: crm_user(mapping, parts["owner_id"]),
        task.status.field: task.status.open,
        **task.constants,
    }
    return Create(
        object=task.object,
        key=key,
        key_field=mapping.write.task_key,
        values=values,
        links={"account": mapping.crm_id("accounts", account_id)[1]},
    )


def yes_no(row: Row, form: Form | None, name: str) -> str | None:
    """Read a yes or no out of a row, as the mapping says it."""
    if form is None:
        return None
    sight = Sight(visible=None, nested=not is_file(name), empty=())
    texts = [as_text(cell) for cell in take(form, [row], sight, {}, keep=False)]
    text = recode(form, texts)[0]
    return canonical("yes_no", text) if text else None
