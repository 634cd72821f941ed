"""Secrets, taken out of texts that a CRM sent back: one may end in a message."""

import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
SHORT = 8
"""Characters below which a secret is replaced as a whole word only: a token ``t`` must
not make a riddle of every message."""


def mask(text: str, secrets: Iterable[str]) -> str:
    """Replace secrets, also as they stand in addresses and in headers."""
    for secret in filter(None, secrets):
        encoded = b64encode(secret.encode()).decode().rstrip("=")
        for form in (secret, quote(secret, safe=""), encoded):
            if len(form) >= SHORT:
                text = text.replace(form, MASK)
            else:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", MASK, text)
    return text


def mask_pieces(text: str, secrets: Iterable[str]) -> str:
    """Replace each word that holds a piece of a secret, of eight characters or more."""
    known = list(filter(None, secrets))
    pieces = {
        secret[at : at + SHORT]
        for secret in known
        for at in range(len(secret) - SHORT + 1)
    }

    def without(word: re.Match[str]) -> str:
        ends = range(len(word[0]) - SHORT + 1)
        is_piece = any(word[0][at : at + SHORT] in pieces for at in ends)
        return MASK if is_piece else word[0]

    return re.sub(r"\S+", without, mask(text, known))
