"""Canonical records and values as one CRM calls them, and changes as it takes them.

A mapping is bound to its CRM once, as a ``ToCrm``; nobody else here reads mappings.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from connectors.base import Connector, Create, HasOwnWords, Row, SetField
from handover.transfer.errors import NoTaskMapping, OwnerNotWritable
from mappings.cells import Sight, recode, take
from mappings.forms import Form
from mappings.model import Mapping, Target, TaskMapping, is_file
from mappings.text import as_text
from mappings.words import canonical


@dataclass(frozen=True, kw_only=True)
class CanonicalRecord:
    """A record by its canonical table and id.

    ``object`` is what the CRM calls its kind, where the mirror knows it.
    """

    table: str
    id: str
    object: str | None = None


@dataclass(frozen=True, kw_only=True)
class CrmRecord:
    """A record by the CRM's own object and id."""

    object: str
    id: str


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """A task of ours that is to be made; account and owner by their canonical ids."""

    key: str
    account_id: str
    owner_id: str
    subject: str
    text: str
    due: str


@dataclass(frozen=True, kw_only=True)
class YesNo:
    """A canonical column of yes and no, as an object of the CRM keeps it."""

    object: str
    form: Form

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the CRM to ask for."""
        return tuple(self.form.names)

    def read(self, row: Row) -> str | None:
        """Return ``true`` or ``false`` as a row says it; None where it says nothing."""
        sight = Sight(visible=None, nested=not is_file(self.object), empty=())
        found = take(self.form, [row], sight)
        text = recode(self.form, [as_text(cell) for cell in found])[0]
        return canonical("yes_no", text) if text else None


@dataclass(frozen=True)
class ToCrm:
    """Says canonical records, users and tasks in the words of one CRM."""

    _mapping: Mapping

    @property
    def also(self) -> tuple[tuple[str, str], ...]:
        """Table and field of each owner-like field that moves along."""
        return self._mapping.also

    @property
    def task(self) -> TaskMapping:
        """How our tasks are written.

        Raises:
            NoTaskMapping: the mapping does not say.
        """
        if self._mapping.write.task is None:
            raise NoTaskMapping(mapping=self._mapping.name)
        return self._mapping.write.task

    @property
    def has_tasks(self) -> bool:
        """Tell whether the mapping says how our tasks are written."""
        return self._mapping.write.task is not None

    def objects(self, table: str) -> tuple[str, ...]:
        """List the objects, or patterns of files, that feed a table."""
        return tuple(part.object for part in self._mapping.of(table))

    def record(self, record: CanonicalRecord) -> CrmRecord:
        """Return a record's object and id in the CRM."""
        carried, own_id = self._mapping.crm_id(record.table, record.id)
        name = carried or record.object or next(iter(self.objects(record.table)), "")
        return CrmRecord(object=name, id=own_id)

    def canonical_id(self, table: str, record: CrmRecord) -> str:
        """Return the canonical id of a record of the CRM."""
        if self._mapping.prefixed(table):
            return f"{record.object}:{record.id}"
        return record.id

    def user_id(self, user: str) -> str:
        """Return a user's id in the CRM."""
        return self._mapping.crm_id("users", user)[1]

    def owner_field(self, record: CanonicalRecord) -> Target | None:
        """Return where a record's owner is written; None where no field holds it."""
        name = self.record(record).object
        return self._mapping.target(record.table, "owner_id", name)

    def owner_change(
        self, record: CanonicalRecord, *, before: str, after: str
    ) -> SetField:
        """Return the change of a record's owner from one canonical user to another.

        Raises:
            OwnerNotWritable: no field of the CRM holds the owner as it is.
        """
        target = self.owner_field(record)
        if target is None:
            raise OwnerNotWritable(table=record.table)
        return SetField(
            object=target.object,
            id=self.record(record).id,
            field=target.field,
            before=target.encode(self.user_id(before)),
            after=target.encode(self.user_id(after)),
        )

    def field_change(
        self, record: CanonicalRecord, field: str, *, before: str, after: str
    ) -> SetField:
        """Return the change of an owner-like field, which a mapping names as it is."""
        own = self.record(record)
        return SetField(
            object=own.object,
            id=own.id,
            field=field,
            before=self.user_id(before),
            after=self.user_id(after),
        )

    def new_task(self, wanted: NewTask) -> Create:
        """Return the create of a task of ours."""
        task = self.task
        account = CanonicalRecord(table="accounts", id=wanted.account_id)
        return Create(
            object=task.object,
            key=wanted.key,
            key_field=self._mapping.write.task_key,
            values={
                task.subject: wanted.subject,
                task.text: wanted.text,
                task.due: wanted.due,
                task.owner_id: self.user_id(wanted.owner_id),
                task.status.field: task.status.open,
                **task.constants,
            },
            links={"account": self.record(account).id},
            proof=(task.due, task.owner_id, task.status.field),
        )

    def yes_no(
        self, table: str, columns: Collection[str], object_name: str
    ) -> Iterator[tuple[str, YesNo]]:
        """Yield those of a table's columns of yes and no that an object keeps."""
        for fed, part in self._mapping.fed_by(object_name):
            for column in columns if fed == table else ():
                if column in part.fields:
                    form = part.fields[column]
                    yield column, YesNo(object=object_name, form=form)


def bind(mapping: Mapping, connector: Connector) -> ToCrm:
    """Bind a mapping to a CRM, which may have words of its own for states of tasks."""
    task = mapping.write.task
    if task is None or not isinstance(connector, HasOwnWords):
        return ToCrm(mapping)
    status = task.status
    opened, done = connector.task_words(
        task.object, status.field, (status.open, status.done)
    )
    spoken = status.model_copy(update={"open": opened, "done": done})
    own = task.model_copy(update={"status": spoken})
    return ToCrm(replace(mapping, write=mapping.write.model_copy(update={"task": own})))
