"""How anything is put on paper: pages, pictures, days, and cells that compute nothing.

Knows no handovers. Each noun keeps its page beside its code and renders it with
``pages.page``; the style is one, inlined, so that a page is one file on its own.
"""
