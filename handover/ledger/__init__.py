"""What people decided and what the product did; nothing here can be rebuilt.

One SQLite file through SQLAlchemy Core: ``tables`` declares it, ``migrations`` brings
older files up to it, ``events`` is its append-only chain, ``lock`` lets one run at a
time write. ``states`` has the words that its rows are written in, ``runs`` and
``writes`` every question about runs and their steps, because all floors above ask them;
what only one folder asks (plans, audits, generations) stands in that folder.
"""

from handover.ledger.engine import DamagedLedger, Ledger, NewerLedger

__all__ = ["DamagedLedger", "Ledger", "NewerLedger"]
