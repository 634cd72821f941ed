"""What becomes of a handover once it is decided, until nobody has to ask any more.

Reads the mirror and the ledger and writes nothing: whoever follows a handover learns
what is left, of which plan, and what cannot be known from here.
"""
