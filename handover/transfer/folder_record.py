"""What a CRM keeps of a working folder: which run wrote last, and on which chain.

All else that shows an old or copied ledger lies beside it and can be copied or put back
with it. Where the configuration asks for it (``[ledger] anchor = "crm"``) and the CRM
has a unique field for our keys, one closed task of ours stands outside the folder. It
hangs on no customer and nobody owns it by our doing. Its key is the folder's identity;
its text names the last run, with the number and hash of the newest event. Each run
looks at it before its first write, signs it, and signs it again at its end.

The keys of all other tasks stay free of it: two copies of a folder have to ask for the
same task by the same key, or it would be made twice.
"""

import re
from dataclasses import dataclass

from sqlalchemy import select

from connectors.base import Capability, Change, Create, Note, SetField
from connectors.errors import ConnectorError
from handover.errors import Refusal
from handover.i18n import Words
from handover.ledger import Ledger, anchors
from handover.ledger.anchors import Anchor, BrokenAnchor
from handover.ledger.home import ChainDiffers, LedgerBehind
from handover.ledger.tables import events, runs
from handover.transfer.checks import Site
from handover.transfer.readings import held
from mappings.text import as_text

SUBJECT = "Which run of handover wrote last (please leave this task as it is)"
_SIGNED = re.compile(r"run=(\S+) events=(\d+) hash=([0-9a-f]{64})")


class FolderRecordRefused(Refusal):
    """The CRM does not take the record of this folder (``source``, ``detail``)."""

    code = "folder_record_refused"


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """The record as the CRM has it: its id, its text, and what that tells."""

    id: str | None = None
    text: str | None = None
    told: Anchor | None = None


@dataclass(frozen=True, kw_only=True)
class FolderRecord:
    """The record of one working folder in one CRM."""

    site: Site
    ledger: Ledger
    words: Words

    @property
    def can_be_kept(self) -> bool:
        """Tell whether the CRM has a unique field for our keys."""
        to_crm = self.site.to_crm
        keyed = Capability.KEYED_CREATES in self.site.connector.capabilities
        return keyed and to_crm.has_tasks and to_crm.task_key is not None

    def find_broken(self) -> BrokenAnchor | None:
        """Return what the CRM tells and the ledger does not know; None if all is well.

        Raises:
            ConnectorError: the CRM cannot be read.
        """
        told = self._read().told
        if told is None:
            return None
        with self.ledger.read() as connection:
            if anchors.is_adopted(connection, told.run_id, told.hash):
                return None
            known = select(runs.c.id).where(runs.c.id == told.run_id)
            there = select(events.c.hash).where(events.c.n == told.n)
            if connection.execute(known).first() is None:
                what = "behind"
            elif connection.execute(there).scalar() != told.hash:
                what = "elsewhere"
            else:
                return None
        return BrokenAnchor(run_id=told.run_id, what=what, n=told.n, hash=told.hash)

    def check(self) -> None:
        """Refuse to write on the word of a ledger that the CRM is ahead of.

        Raises:
            LedgerBehind: the ledger does not know the run that wrote last.
            ChainDiffers: it knows the run, but has another chain of events.
            ConnectorError: the CRM cannot be read.
        """
        broken = self.find_broken()
        if broken is None:
            return
        if broken.what == "behind":
            raise LedgerBehind(file=self.ledger.path, run=broken.run_id)
        raise ChainDiffers(file=self.ledger.path, run=broken.run_id, n=broken.n)

    def sign(self, run_id: str) -> None:
        """Write that a run of this folder writes now, and make sure that it stands.

        Raises:
            LedgerBehind: another folder's run signed at the same time.
            FolderRecordRefused: the CRM does not take it.
            ConnectorError: the CRM cannot be reached.
        """
        before = self._read()
        with self.ledger.read() as connection:
            anchor = anchors.newest_anchor(connection, run_id, 0)
        (outcome,) = self.site.connector.write([self._change(before, anchor)])
        if outcome.error is not None:
            raise outcome.error
        now = self._read().told
        if now == anchor:
            return
        if now is not None and now != before.told:
            raise LedgerBehind(file=self.ledger.path, run=now.run_id)
        detail = ": ".join(filter(None, [outcome.code, outcome.message])) or "-"
        raise FolderRecordRefused(source=self.site.source, detail=detail)

    def sign_off(self, run_id: str) -> Note | None:
        """Write where the chain stood when a run had ended.

        Returns:
            That another folder's run wrote at the same time, or that the CRM could not
            be asked; None if all is well.
        """
        try:
            told = self._read().told
            if told is not None and told.run_id != run_id:
                return Note(code="wrote_at_once", params={"run": told.run_id})
            self.sign(run_id)
        except (ConnectorError, Refusal) as error:
            return Note(code="folder_record_old", params={"error": error})
        return None

    def _read(self) -> _Kept:
        task, create = self.site.to_crm.task, self._create("-")
        row = self.site.connector.find([create]).get(create.key)
        own_id = as_text(row.get("id")) if row else None
        if own_id is None:
            return _Kept()
        rows = self.site.connector.read(task.object, [own_id], [task.text])
        text = held(rows.get(own_id, {}), task.text)
        found = _SIGNED.search(text or "")
        if found is None:
            return _Kept(id=own_id, text=text)
        run_id, n, hash_ = found.groups()
        told = Anchor(run_id=run_id, serial=0, n=int(n), hash=hash_)
        return _Kept(id=own_id, text=text, told=told)

    def _change(self, kept: _Kept, anchor: Anchor) -> Change:
        text = f"[run={anchor.run_id} events={anchor.n} hash={anchor.hash}]"
        if kept.id is None:
            return self._create(text)
        task = self.site.to_crm.task
        return SetField(
            object=task.object,
            id=kept.id,
            field=task.text,
            before=kept.text,
            after=text,
        )

    def _create(self, text: str) -> Create:
        task = self.site.to_crm.task
        return Create(
            object=task.object,
            key=f"handover:folder:{self._identity()}",
            key_field=self.site.to_crm.task_key,
            values={
                task.subject: self.words(SUBJECT),
                task.text: text,
                task.due: self.site.as_of.isoformat(),
                task.status.field: task.status.done,
                **task.constants,
            },
        )

    def _identity(self) -> str:
        """Return what tells this folder from others, and not from its copies."""
        first = select(events.c.hash).order_by(events.c.n).limit(1)
        with self.ledger.read() as connection:
            return str(connection.execute(first).scalar())[:16]
