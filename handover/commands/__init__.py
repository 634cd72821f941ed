"""The terminal's view: one file per noun, each parses, calls and prints.

``shell.py`` is what all commands share, ``output.py`` puts results on paper, and
``workspace.py`` opens what the configuration names. No decision lives here.
"""
