"""Our copy of the CRM's facts: read, kept as generations, opened as views.

``sync`` is the only writer: ``source_pull`` and ``object_pull`` stage pages, ``deltas``
and ``merging`` make the next generation's tables of them, ``aside`` lists what did not
fit, ``generations`` knows which one is current. Everybody else opens ``views``, and
finds people and records by ``people`` and ``find``.
"""
