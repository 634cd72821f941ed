"""How an older ledger becomes the present one, version by version."""

HEAD = "0008"
"""The newest version. Versions sort as text; a test holds it to the folder's last."""
