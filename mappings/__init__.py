"""The common schema, and how each CRM fills it.

Data first: one TOML per CRM says where that CRM keeps each column of ``schema.py``;
``translate.py`` turns pages of its records into those columns. Nothing here knows how
records are fetched or what a handover is.
"""
