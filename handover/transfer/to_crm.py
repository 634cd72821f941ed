"""Canonical records and values as one CRM calls them, and changes as it takes them.

A mapping is bound to its CRM once, as a ``ToCrm``; nobody else here reads mappings.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace

from connectors.base import Connector, Create, HasOwnWords, Pull, Row, SetField
from handover.transfer.errors import NoTaskMapping, OwnerNotWritable
from handover.transfer.owner_problems import (
    can_be_found,
    find_obstacle,
    form_of,
    not_writable,
)
from mappings.cells import Index, Sight, recode, take
from mappings.forms import (
    Form,
    Found,
    Lookup,
    Plain,
    Recoded,
)
from mappings.inverse import Target, find_cell, find_target
from mappings.model import Mapping, ObjectMapping, TaskMapping, is_file
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
class CrmCell:
    """Where the CRM keeps one column of one record."""

    record: CrmRecord
    target: Target
    form: Form

    def say(self, value: str | None) -> str | None:
        """Say a canonical value as the CRM does.

        Raises:
            NotInvertible: the CRM has no word for it.
        """
        return self.target.encode(value) if value else None

    def read(self, row: Row) -> str | None:
        """Return what a row holds there, in canonical words but as the CRM writes."""
        (text,) = _texts(self.form, self.record.object, [row])
        return text


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
        (text,) = _texts(self.form, self.object, [row])
        return canonical("yes_no", text) if text else None


@dataclass(frozen=True, kw_only=True)
class UserNames:
    """The words by which a lookup knows users, by user, and its way back."""

    words: dict[str, str] = field(default_factory=dict)
    index: Index = field(default_factory=Index)


@dataclass(frozen=True)
class ToCrm:
    """Says canonical records, users and tasks in the words of one CRM."""

    _mapping: Mapping
    _connector: Connector
    _names: dict[Lookup, UserNames] = field(default_factory=dict, compare=False)
    """By lookup, what it calls each user; read when it is needed."""

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

    @property
    def task_key(self) -> str | None:
        """The unique field that takes our keys, as the mapping names it."""
        return self._mapping.write.task_key

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

    def read(
        self, table: str, object_name: str, ids: Collection[str], fields: Sequence[str]
    ) -> Map[str, Row]:
        """Read records of a table by id, also where the id is put together."""
        form = form_of(self._part(table, object_name), "id")
        if form is None or isinstance(form, Plain):
            return self._connector.read(object_name, list(ids), fields)
        names = tuple(dict.fromkeys((*form.names, *fields)))
        return {
            own_id: row
            for page in self._connector.pull(Pull(object=object_name, fields=names))
            for own_id, row in zip(
                _texts(form, object_name, page.rows), page.rows, strict=True
            )
            if own_id is not None and own_id in ids
        }

    def owner_field(self, record: CanonicalRecord) -> Target | None:
        """Return where a record's owner is written; None where no field holds it."""
        name = self.record(record).object
        form = form_of(self._part(record.table, name), "owner_id")
        if isinstance(form, Found):
            return Target(
                object=name,
                field=form.names[0],
                encode=self._encoder(record.table, form),
            )
        return find_target(self._mapping, record.table, "owner_id", name)

    def owner_of(self, table: str, object_name: str, value: str | None) -> str | None:
        """Return the canonical user whom a record's owner field names."""
        form = form_of(self._part(table, object_name), "owner_id")
        if isinstance(form, Found):
            users = self._users(form.index).index.find(value or "")
            return next(iter(users)) if len(users) == 1 else value
        if isinstance(form, Recoded):
            return form.values.get(value or "", value)
        return value

    def looks_up_owner(self, table: str, object_name: str) -> bool:
        """Tell whether owners stand in an object by a name or the like."""
        return isinstance(form_of(self._part(table, object_name), "owner_id"), Found)

    def owner_change(
        self, record: CanonicalRecord, *, before: str, after: str
    ) -> SetField:
        """Return the change of a record's owner from one canonical user to another.

        Raises:
            OwnerNotWritable: no field of the CRM holds the owner, or none tells the
                record from others.
        """
        why = find_obstacle(
            self._mapping, self._part(record.table, self.record(record).object)
        )
        target = self.owner_field(record)
        if why is not None or target is None:
            raise OwnerNotWritable(table=record.table, why=not_writable(why or "words"))
        return SetField(
            object=target.object,
            id=self.record(record).id,
            field=target.field,
            before=target.encode(self.user_id(before)),
            after=target.encode(self.user_id(after)),
        )

    def owner_field_change(
        self, record: CanonicalRecord, field: str, *, before: str, after: str
    ) -> SetField:
        """Return the change of an owner-like field, which a mapping names as it is.

        Raises:
            OwnerNotWritable: no field tells the record from others.
        """
        own = self.record(record)
        if not can_be_found(self._part(record.table, own.object)):
            raise OwnerNotWritable(table=record.table, why=not_writable("joined_id"))
        return SetField(
            object=own.object,
            id=own.id,
            field=field,
            before=self.user_id(before),
            after=self.user_id(after),
        )

    def find_cell(self, record: CanonicalRecord, column: str) -> CrmCell | None:
        """Find where what people say of a record is written; None where nowhere."""
        own = self.record(record)
        target = find_cell(self._mapping, record.table, column, own.object)
        form = form_of(self._part(record.table, own.object), column)
        if target is None or form is None:
            return None
        return CrmCell(record=own, target=target, form=form)

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

    def _part(self, table: str, object_name: str) -> ObjectMapping | None:
        """Return how an object feeds a table."""
        return self._mapping.part(table, object_name)

    def _encoder(self, table: str, form: Found) -> Callable[[str], str]:
        """Return what says a user's id as the lookup finds it.

        A word that several users share would lead to none of them.
        """

        def encode(user: str) -> str:
            names = self._users(form.index)
            word = names.words.get(user)
            if word is None:
                raise OwnerNotWritable(
                    table=table, why=not_writable("unnamed", user=user)
                )
            if set(names.index.find(word)) != {user}:
                raise OwnerNotWritable(
                    table=table, why=not_writable("ambiguous", name=word)
                )
            return word

        return encode

    def _users(self, lookup: Lookup) -> UserNames:
        """Return what a lookup calls each user; read once."""
        if lookup not in self._names:
            self._names[lookup] = self._read_users(lookup)
        return self._names[lookup]

    def _read_users(self, lookup: Lookup) -> UserNames:
        wanted = (lookup.match, lookup.take)
        names = UserNames()
        for name in self._connector.objects(lookup.object):
            for page in self._connector.pull(Pull(object=name, fields=wanted)):
                for row in page.rows:
                    word, user = (str(row.get(each) or "").strip() for each in wanted)
                    if word and user:
                        names.words[user] = word
                        names.index.add(word, user)
        return names

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
        return ToCrm(mapping, connector)
    status = task.status
    opened, done = connector.task_words(
        task.object, status.field, (status.open, status.done)
    )
    spoken = status.model_copy(update={"open": opened, "done": done})
    own = task.model_copy(update={"status": spoken})
    write = mapping.write.model_copy(update={"task": own})
    return ToCrm(replace(mapping, write=write), connector)


def _texts(form: Form, object_name: str, rows: Sequence[Row]) -> Sequence[str | None]:
    """Return a column's values in some rows, as the translation of pages would."""
    sight = Sight(visible=None, nested=not is_file(object_name), empty=())
    return recode(form, [as_text(c) for c in take(form, rows, sight)])
