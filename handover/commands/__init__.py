"""The terminal's view: one file per noun, each parses, calls its job and prints.

``shell`` declares and runs commands, ``options`` and ``edits`` are what they share of
the command line, ``outcome`` ends them, ``forms`` and ``plan_result`` give a result its
form. No decision lives here.
"""
