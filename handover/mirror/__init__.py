"""Our copy of the CRM's facts: pulled, kept as generations, opened as views.

``sync`` is the only writer: ``pulling`` stages pages, ``merging`` makes the next
generation's tables of them, ``generations`` knows which one is current. Everybody else
opens ``views``, and finds people and records by ``people`` and ``find``.
"""
