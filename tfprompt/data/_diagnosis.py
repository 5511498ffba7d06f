"""Why a file could not be read: the line, and what is wrong with it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import NoReturn

from tfprompt.errors import DataError

SEPARATED = (".csv", ".tsv")
JSON_LINES = (".jsonl", ".ndjson")
TEXT = SEPARATED + JSON_LINES


def suffix(path: Path) -> str:
    """Ending of a file's name, in small letters."""
    return path.suffix.lower()


def separator(path: Path) -> str:
    return "\t" if suffix(path) == ".tsv" else ","


def explain(path: Path, error: Exception) -> NoReturn:
    """Finds the line that polars could not read, and raises about it."""
    reason = str(error).splitlines()[0]
    if suffix(path) not in TEXT:
        raise DataError(f"the file is not readable Parquet: {reason}.", file=path) from error
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = raw.count(b"\n", 0, wrong.start) + 1
        begin = raw.rfind(b"\n", 0, wrong.start) + 1
        before = raw[begin : wrong.start].decode("utf-8", "replace")
        raise DataError(
            f"a text file must be UTF-8. Received: the byte 0x{raw[wrong.start]:02x} after "
            f"{before[-30:]!r}; it is probably latin-1. Convert the file, for example with "
            "`iconv -f latin1 -t utf-8`.",
            file=path,
            row=line,
            column=_column_at(path, raw, before),
        ) from error
    if suffix(path) in JSON_LINES:
        for number, line_text in enumerate(text.splitlines(), 1):
            try:
                if line_text.strip() and not isinstance(json.loads(line_text), dict):
                    raise ValueError("not an object")
            except ValueError as wrong:
                raise DataError(
                    f"every line of a JSONL file must be one JSON object. Received: "
                    f"{line_text[:60]!r} ({wrong}).",
                    file=path,
                    row=number,
                ) from error
    else:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(path))
        header = next(reader)
        opened = before_line = reader.line_num
        for fields in reader:
            if len(fields) > len(header):
                raise DataError(
                    f"every line must have {len(header)} fields, as the header has. Received: "
                    f"{len(fields)} fields. Quote the fields that hold a separator.",
                    file=path,
                    row=before_line + 1,
                    column=header[-1],
                ) from error
            opened, before_line = before_line + 1, reader.line_num
        if opened < before_line:
            raise DataError(
                "every quote that opens a field must be closed. Received: a field that runs to "
                'the end of the file. Close it, or write the quote twice ("") if it is text.',
                file=path,
                row=opened,
            ) from error
    raise DataError(f"the file is not a readable table: {reason}.", file=path) from error


def _column_at(path: Path, raw: bytes, before: str) -> str | None:
    if suffix(path) not in SEPARATED:
        return None
    header = raw.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")
    names = next(csv.reader([header], delimiter=separator(path)), [])
    fields = next(csv.reader([before], delimiter=separator(path)), [""])
    return names[len(fields) - 1] if 0 < len(fields) <= len(names) else None
