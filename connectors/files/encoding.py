"""Finding the encoding of a file: UTF-8, UTF-16, Shift_JIS or Windows-1252.

Shift_JIS (cp932) and Windows-1252 can often both be read; which of them was meant is
judged by what the whole file would read as, and said with a sample.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from connectors.errors import CellTooLong, NulByte, UnknownEncoding

BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")

LONGEST_LINE = 64 << 20
"""Bytes between two line ends."""

FIRST_CJK = "\u3000"

_STRAY = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
"""What Python makes of bytes that are no characters in cp932."""
_JAPANESE = re.compile("[々〆ぁ-ヿ㐀-鿿豈-﫿ｦ-ﾟ]+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LOW = re.compile("[€‚-„ƒ†-‹ŠŒŽ‘-”•–—˜™š›œžŸˆ…‰]")
"""What stands in Windows-1252 where Shift_JIS begins most of its characters."""
_SAMPLE = re.compile(r"[^,;\t\"\r\n]*[^\x00-\x7f][^,;\t\"\r\n]*")
SAMPLE_LENGTH = 40


BY_BYTES = frozenset({"utf-8", "utf-8-sig", "cp932", "cp1252"})
"""Encodings in which separators, quotes and line ends are single bytes of their own."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a file is written in.

    ``codec`` is Python's name; ``sample`` is what a guess made of one cell, empty where
    nothing had to be guessed.
    """

    codec: str
    sample: str = ""


def find_encoding(file: BinaryIO, name: str) -> Encoding:
    """Find the encoding of a whole file.

    Args:
        file: opened, anywhere.
        name: how messages call it.

    Raises:
        NulByte: the file holds one.
        CellTooLong: a line is longer than 64 MiB.
        UnknownEncoding: it is none of ours, or has lines of several.
    """
    file.seek(0)
    if file.read(2) in UTF16:
        _refuse_wide_binary(file, name)
        return Encoding(codec="utf-16")
    _refuse_binary(file, name)
    broken = _first_line_not(file, _is_utf8)
    if broken is None:
        return Encoding(codec="utf-8-sig")
    file.seek(0)
    if file.read(len(BOM)) == BOM or _has_japanese_utf8(file):
        raise UnknownEncoding(file=name, line=broken)
    if _first_line_not(file, _is_euc) is None:
        # Japanese in Shift_JIS never fits, but EUC would be read as rubbish.
        raise UnknownEncoding(file=name, line=broken)
    broken = _first_line_not(file, _is_cp932)
    western = _western(file)
    japanese = _japanese(file) if broken is None else None
    if western is not None and (japanese is None or western > japanese):
        return Encoding(codec="cp1252", sample=_sample(file, "cp1252"))
    if broken is not None:
        raise UnknownEncoding(file=name, line=broken)
    return Encoding(codec="cp932", sample=_sample(file, "cp932"))


def recoded(
    pieces: Iterator[bytes], encoding: Encoding, begin: bytes
) -> Iterator[bytes]:
    """Bring new content back to its encoding, where it was changed as UTF-8.

    Args:
        pieces: of the content.
        encoding: the file's.
        begin: its first two bytes, which tell the order of bytes in UTF-16.
    """
    if encoding.codec in BY_BYTES:
        return pieces
    text = b"".join(pieces).decode()
    if encoding.codec != "utf-16":
        return iter((text.encode(encoding.codec),))
    order = "utf-16-le" if begin == UTF16[0] else "utf-16-be"
    return iter((begin + text.encode(order),))


def _japanese(file: BinaryIO) -> int:
    """Judge how Japanese a file reads in cp932; below 0 speaks against it.

    Words of Japanese characters speak for it. One or two of them beside Latin letters
    are what an accented letter becomes: Cr馘ito.
    """
    score = 0
    for line in _texts(file, "cp932"):
        for found in _JAPANESE.finditer(line):
            start, end = found.span()
            around = line[max(start - 1, 0) : start] + line[end : end + 1]
            glued = any(c.isascii() and c.isalpha() for c in around)
            length = end - start
            score += 1 if length > 2 or (length == 2 and not glued) else -glued
    return score


def _western(file: BinaryIO) -> int | None:
    """Judge how Western European a file reads in Windows-1252; None if it does not."""
    letters = others = low = 0
    try:
        for line in _texts(file, "cp1252"):
            for found in _NOT_ASCII.finditer(line):
                at = found.start()
                around = line[max(at - 1, 0) : at] + line[at + 1 : at + 2]
                beside = any(c.isascii() and c.isalpha() for c in around)
                low += _LOW.match(found[0]) is not None
                letters += found[0].isalpha() and beside
                others += 1
    except UnicodeDecodeError:
        return None
    return 0 if 2 * letters >= others and 5 * low < others else None


def _texts(file: BinaryIO, codec: str) -> Iterator[str]:
    """Yield the lines that are not plain ASCII."""
    file.seek(0)
    return (line.decode(codec) for line in file if not line.isascii())


def _sample(file: BinaryIO, codec: str) -> str:
    found = _SAMPLE.search(next(_texts(file, codec)))
    return found[0].strip()[:SAMPLE_LENGTH] if found else ""


def _refuse_binary(file: BinaryIO, name: str) -> None:
    file.seek(0)
    line, since_line_end = 1, 0
    while chunk := file.read(1 << 20):
        at = chunk.find(b"\0")
        if at >= 0:
            raise NulByte(file=name, line=line + chunk.count(b"\n", 0, at))
        line += chunk.count(b"\n")
        has_end = b"\n" in chunk or b"\r" in chunk
        since_line_end = 0 if has_end else since_line_end + len(chunk)
        if since_line_end > LONGEST_LINE:
            raise CellTooLong(file=name, line=line)


def _refuse_wide_binary(file: BinaryIO, name: str) -> None:
    """Refuse a NUL character in UTF-16; what is no UTF-16 is told where it is read."""
    file.seek(0)
    decode = getincrementaldecoder("utf-16")("replace").decode
    line = 1
    while chunk := file.read(1 << 20):
        text = decode(chunk)
        at = text.find("\0")
        if at >= 0:
            raise NulByte(file=name, line=line + text.count("\n", 0, at))
        line += text.count("\n")


def _first_line_not(file: BinaryIO, fits: Callable[[bytes], bool]) -> int | None:
    file.seek(0)
    return next((at for at, line in enumerate(file, 1) if not fits(line)), None)


def _has_japanese_utf8(file: BinaryIO) -> bool:
    """Tell whether some line is Japanese in UTF-8; cp932 never looks like that."""
    file.seek(0)
    lines = (line for line in file if not line.isascii())
    return any(max(_decoded(line, "utf-8") or "\0") >= FIRST_CJK for line in lines)


def _is_utf8(line: bytes) -> bool:
    return _decoded(line, "utf-8") is not None


def _is_euc(line: bytes) -> bool:
    return _decoded(line, "euc_jp") is not None


def _is_cp932(line: bytes) -> bool:
    text = _decoded(line, "cp932")
    return text is not None and (line.isascii() or not _STRAY.search(text))


def _decoded(line: bytes, codec: str) -> str | None:
    try:
        return line.decode(codec)
    except UnicodeDecodeError:
        return None
