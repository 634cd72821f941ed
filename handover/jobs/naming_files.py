"""Files in which a person is named: those of runs, and papers that people made."""

import email
import email.policy
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from connectors.disk import PRIVATE, replace_file
from handover.ledger.anchors import FILE
from handover.ledger.erasing import MASK

LARGEST = 64 * 1024 * 1024
"""Bytes; a longer file is no paper of ours."""
ENCODINGS = ("utf-8", "cp932", "utf-16")


def mask_run_files(folder: Path, words: Sequence[str]) -> list[Path]:
    """Mask words in all files that runs and syncs left; return those changed."""
    changed = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.name == FILE:
            continue
        content = before = file.read_bytes()
        for word in words:
            content = content.replace(word.encode(), MASK.encode())
        if content != before:
            replace_file(file, content, mode=PRIVATE)
            changed.append(file)
    return changed


def list_naming_files(
    folder: Path, words: Sequence[str], leave: Collection[Path]
) -> Iterator[Path]:
    """Yield the files below a folder in which one of the words stands.

    Args:
        folder: where to look.
        words: names, numbers and addresses.
        leave: files and folders that are not looked into.
    """
    for file in sorted(folder.rglob("*")):
        if any(file.is_relative_to(each) for each in leave) or not file.is_file():
            continue
        if file.stat().st_size <= LARGEST and any(
            word in text for text in _read_texts(file) for word in words
        ):
            yield file


def _read_texts(file: Path) -> Iterator[str]:
    """Yield what stands in a file, as far as it is text, mail or workbook."""
    try:
        content = file.read_bytes()
    except OSError:  # others may have it to themselves: it is none of ours
        return
    for encoding in ENCODINGS:
        text = content.decode(encoding, errors="ignore")
        yield text
        # A calendar folds its lines.
        yield text.replace("\r\n ", "").replace("\n ", "")
    if file.suffix == ".eml":
        message = email.message_from_bytes(content, policy=email.policy.default)
        yield " ".join(str(value) for value in message.values())
        for part in message.walk():
            if part.get_content_maintype() == "text":
                yield str(part.get_content())
    elif zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            for member in packed.infolist():
                if member.file_size <= LARGEST:
                    yield packed.read(member).decode("utf-8", errors="ignore")
