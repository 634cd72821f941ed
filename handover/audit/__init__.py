"""Is what must be handed over there? Design §8 says what that is.

The SQL files are the rules, one per group, over the views of the mirror; ``engine``
runs them over one source, ``findings`` gives what they found its names, ``trend`` keeps
it.
"""
