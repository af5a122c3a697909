"""Tables in text files, whoever wrote them: their encoding, their delimiter, their broken lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from digest.errors import UsageError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark it begins with.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS = (",", ";", "\t")
_CHUNK = 1 << 16
# Characters of a line. A person with every column filled has under 3,000.
_LONGEST = 100_000
# Lines that one record may take, in quotes: an address of paper in a cell takes five or six.
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Record:
    """One record and the line that it begins in, from 1; or what is wrong with that line."""

    line: int
    cells: tuple[str, ...] = ()
    problem: str = ""


def text_of(file: BinaryIO, name: str) -> tuple[TextIO, list[str]]:
    """The text of a file that can be read twice, and remarks on its encoding.

    UTF-8 and UTF-16, with a mark or without; else Windows-1252, as old programs write in the west.
    Raises UsageError for what is none of them.
    """
    head = file.read(4096)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            if encoding == "utf-8":
                encoding = "utf-8-sig"
            fault = _fault(file, encoding)
            if fault is not None:
                raise UsageError(
                    f"{name}: is not whole: it begins as {encoding.upper()}, and breaks off or is "
                    f"damaged near byte {fault}; export it again"
                )
            return _opened(file, encoding), []
    if head.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")):
        raise UsageError(f"{name}: is no text, but a workbook or an archive; export it as CSV")
    # Every second byte of a Latin text in UTF-16 is NUL.
    if head.count(b"\0") > len(head) // 4:
        encoding = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
        if _fault(file, encoding) is not None:
            raise UsageError(f"{name}: is no text; export the list as CSV (UTF-8)")
        return _opened(file, encoding), []
    if (fault := _fault(file, "utf-8")) is None:
        return _opened(file, "utf-8"), []
    if _fault(file, "cp1252") is None:
        return _opened(file, "cp1252"), [
            "is not UTF-8 and was read as Windows-1252; if names look wrong, export it as UTF-8"
        ]
    raise UsageError(
        f"{name}: is neither UTF-8 (byte {fault} is wrong) nor UTF-16 nor Windows-1252; export "
        "it as UTF-8"
    )


def records(text: TextIO, known: Callable[[str], str]) -> Iterator[Record]:
    """The records, the header first; `known` says of a cell of the header whether it is one.

    Delimited by commas, semicolons or tabs, whichever the header shows. A quotation that isn't
    closed costs its line alone: what follows is read anew.
    """
    lines = _Lines(text)
    header = lines.next()
    if header is not None and (told := re.fullmatch(r"sep=(.)\s*", header[1])):
        # How Excel is told the delimiter, and tells it.
        delimiters: tuple[str, ...] = (told[1],)
        header = lines.next()
    else:
        delimiters = _DELIMITERS
    while header is not None and not header[1].strip():
        header = lines.next()
    if header is None:
        return
    lines.put_back([header])
    delimiter = max(delimiters, key=lambda sign: _columns_known(header[1], sign, known))
    width = None
    while (record := _record(lines, delimiter, width)) is not None:
        yield record
        width = width or len(record.cells)


class _Lines:
    """Numbered lines, which can be put back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._waiting: deque[tuple[int, str]] = deque()
        self._number = 0

    def next(self) -> tuple[int, str] | None:
        if self._waiting:
            return self._waiting.popleft()
        line = self._text.readline(_LONGEST)
        if not line:
            return None
        self._number += 1
        if len(line) == _LONGEST and not line.endswith(("\n", "\r")):
            while (rest := self._text.readline(_LONGEST)) and not rest.endswith(("\n", "\r")):
                pass
        return self._number, line

    def put_back(self, lines: list[tuple[int, str]]) -> None:
        self._waiting.extendleft(reversed(lines))


def _record(lines: _Lines, delimiter: str, width: int | None) -> Record | None:
    """The next record, of `width` cells; None after the last."""
    first = lines.next()
    if first is None:
        return None
    number = first[0]
    taken = [first]
    while _is_open(taken):
        following = lines.next() if len(taken) < _MOST_LINES else None
        if following is None:
            lines.put_back(taken[1:])
            return Record(number, problem="a quotation mark opens here and is not closed")
        taken.append(following)
    problem = ""
    cells: tuple[str, ...] = ()
    if any(len(line) >= _LONGEST for _, line in taken):
        problem = f"is over {_LONGEST} characters long"
    elif any("\0" in line for _, line in taken):
        problem = "has a NUL character, which no text has"
    else:
        try:
            text = "".join(line for _, line in taken)
            read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            cells = tuple(next(read, ()))
        except csv.Error as error:
            problem = f"can't be read as CSV ({error})"
        else:
            if width is not None and len(cells) != width and any(map(str.strip, cells)):
                count = f"{len(cells)} cell{'s' if len(cells) != 1 else ''}"
                problem = (
                    f"has {count} where the header has {width}; a cell that holds a "
                    f"{_NAMES.get(delimiter, repr(delimiter))} must stand in double quotes"
                )
    if problem:
        lines.put_back(taken[1:])
        return Record(number, problem=problem)
    return Record(number, cells)


_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}


def _is_open(taken: list[tuple[int, str]]) -> bool:
    """Whether a quotation goes on after these lines: doubled marks within one count twice."""
    return sum(line.count('"') for _, line in taken) % 2 == 1


def _columns_known(header: str, delimiter: str, known: Callable[[str], str]) -> tuple[int, int]:
    try:
        cells = next(csv.reader([header.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return (0, 0)
    return sum(bool(known(cell)) for cell in cells), len(cells)


def _fault(file: BinaryIO, encoding: str) -> int | None:
    """Near which byte the file isn't in that encoding; None if it is all of it."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    done = 0
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
            done += len(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return done + error.start
    return None


def _opened(file: BinaryIO, encoding: str) -> TextIO:
    file.seek(0)
    return io.TextIOWrapper(file, encoding=encoding, newline="")
