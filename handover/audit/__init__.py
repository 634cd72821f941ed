"""Is what must be handed over there? The policy says what that is.

The SQL files are the rules, one per group, over the views of the mirror; ``engine``
runs them over one source, ``findings`` and ``other_findings`` turn what they found into
the values of ``model``, ``report`` puts the sources together, ``trend`` keeps what they
came to. ``terminal`` and ``page`` show a report.
"""
