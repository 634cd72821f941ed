"""Bodies of replies, read up to a limit, whatever they claim or unpack to."""

import zlib
from collections.abc import Callable

BLOCK = 1 << 16
"""Bytes that are read at once."""
BODY_LIMIT = 100 * 1024 * 1024
"""Bytes of one body, unpacked. A page of a CRM has some megabytes at most: what is
larger comes from somebody else, or would fill the memory."""


class BodyTooLong(Exception):
    """A body goes on behind the limit."""


class BodyBroken(Exception):
    """A packed body is damaged, or ends before its end."""


def read_body(
    read: Callable[[int], bytes], *, gzipped: bool = False, limit: int = BODY_LIMIT
) -> bytes:
    """Read a body to its end, and unpack it on the way.

    Args:
        read: returns the next bytes, at most so many; none at the end.
        gzipped: the bytes are packed.
        limit: how many unpacked bytes the body may have.

    Raises:
        BodyTooLong: it has more; no more than the limit was held at any time.
        BodyBroken: it does not unpack.
    """
    gzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if gzipped else None
    pieces: list[bytes] = []
    room = limit
    while block := read(BLOCK):
        if gzip is not None:
            if gzip.eof:
                raise BodyBroken("it goes on behind its end")
            try:
                block = gzip.decompress(block, room + 1)
            except zlib.error as error:
                raise BodyBroken(str(error)) from None
        room -= len(block)
        if room < 0:
            raise BodyTooLong
        pieces.append(block)
    if gzip is not None and pieces and not gzip.eof:
        raise BodyBroken("it ends before its end")
    return b"".join(pieces)
