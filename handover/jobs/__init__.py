"""What can be done in a working folder; the terminal and a web page call the same.

A job takes the opened folder and plain values and gives values back: no options of a
command line, no words on a screen. ``workspace`` opens what the configuration names,
``narrowing`` finds whose and which accounts are meant, and each other file is one job.
"""
