"""What is approved is written to the CRM, exactly once, and can be taken back.

A run is a fixed list of steps under one authority; its intent is in the ledger before a
call leaves, its outcome after. Nothing else in the product writes to a CRM.
"""
