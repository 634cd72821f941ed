"""The CRM's edge: records and calls, nothing of handovers.

A connector reads pages of records and writes single changes. What the records mean is
the mapping's business, whether a change is allowed is handover's.
"""
