"""What people decided and what the product did; nothing here can be rebuilt.

One SQLite file through SQLAlchemy Core: ``tables`` declares it, ``migrations`` brings
older files up to it, ``events`` is its append-only chain, ``lock`` lets one run at a
time write. Queries live in the folder that owns their subject.
"""

from handover.ledger.engine import DamagedLedger, Ledger, NewerLedger

__all__ = ["DamagedLedger", "Ledger", "NewerLedger"]
