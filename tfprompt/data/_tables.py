"""Reading one table, and knowing later which line of the file a row came from."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import polars as pl

from tfprompt.errors import DataError

FORMATS = ".csv, .tsv, .jsonl, .ndjson, .parquet"
ROW = "\0row"
_SEPARATED = (".csv", ".tsv")
_JSON_LINES = (".jsonl", ".ndjson")
_TEXT = _SEPARATED + _JSON_LINES


@dataclass(frozen=True)
class Table:
    """A table as it was read: column `ROW` numbers its records from 0, blank lines included.

    CSV and TSV columns are strings; nothing is guessed while reading, so "007" stays "007".
    """

    frame: pl.DataFrame
    role: str
    path: Path | None

    @property
    def file(self) -> str:
        """What an error calls this table."""
        return str(self.path) if self.path is not None else f"<{self.role} DataFrame>"

    def line(self, record: int) -> int:
        """Line of a record in the file as an editor shows it; in other tables, its 1-based row."""
        if self.path is None or self.path.suffix not in _TEXT:
            return record + 1
        # Only errors and reports pay for this walk.
        with open(self.path, encoding="utf-8-sig", newline="") as handle:
            if self.path.suffix in _JSON_LINES:
                full = (number for number, line in enumerate(handle, 1) if line.strip())
                return next(itertools.islice(full, record, None), record + 1)
            # A quoted field may span lines, so lines are counted by a reader.
            reader = csv.reader(handle, delimiter=_separator(self.path))
            for _ in itertools.islice(reader, record + 1):
                pass
            return reader.line_num + 1

    def error(
        self, message: str, record: int | None = None, column: str | None = None
    ) -> DataError:
        """An error that names this table, and the line of a record."""
        row = None if record is None else self.line(record)
        return DataError(message, file=self.file, row=row, column=column)


def read_table(
    source: str | Path | pl.DataFrame,
    role: str,
    columns: Mapping[str, str],
    required: tuple[str, ...],
) -> Table:
    """Reads one table and gives its columns our names.

    Args:
        source: a path, or a table in memory.
        role: `"interactions"`, `"items"` or `"users"`.
        columns: our name → the name in the file; what the file lacks is passed over.
        required: our names that must be there.

    Raises:
        DataError: the file cannot be read, or a column is missing.
    """
    if isinstance(source, pl.DataFrame):
        table = Table(source, role, None)
    elif isinstance(source, str | Path):
        table = Table(_read_file(Path(source), role), role, Path(source))
    else:
        raise DataError(
            f"{role} must be a path or a polars DataFrame. Received: {type(source).__name__}. "
            "Convert other tables with polars.from_pandas or polars.DataFrame."
        )
    renamed = {
        theirs: ours
        for ours, theirs in columns.items()
        if theirs in table.frame.columns and ours != theirs
    }
    for theirs, ours in renamed.items():
        if ours in table.frame.columns and ours not in renamed:
            raise table.error(
                f"two columns would be called {ours!r}: {theirs!r} by `columns`, and the one that "
                "has the name already. Rename or remove that one.",
                column=ours,
            )
    frame = table.frame.rename(renamed)
    for name in required:
        if name not in frame.columns:
            raise _missing(table, name)
    return Table(frame if ROW in frame.columns else frame.with_row_index(ROW), role, table.path)


def _missing(table: Table, name: str) -> DataError:
    received = [column for column in table.frame.columns if column != ROW]
    hint = ""
    if len(received) == 1 and any(mark in received[0] for mark in ";\t|"):
        hint = " Fields must be separated by commas in .csv, by tabs in .tsv."
    return DataError(
        f"a table of {table.role} needs the column {name!r}. Received the columns "
        f"{', '.join(map(repr, received))}. Say which one it is with "
        f"columns={{{name!r}: '<name in the file>'}}.{hint}",
        file=table.file,
        row=1 if table.path is not None and table.path.suffix in _SEPARATED else None,
        column=name,
    )


def _separator(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _read_file(path: Path, role: str) -> pl.DataFrame:
    if not path.is_file():
        raise DataError(f"the file of the {role} must exist. Received: no such file.", file=path)
    if path.stat().st_size == 0:
        raise DataError(f"the file of the {role} must hold a table. Received: 0 bytes.", file=path)
    try:
        if path.suffix in _SEPARATED:
            with open(path, "rb") as handle:
                if handle.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                    raise DataError(
                        "a text file must be UTF-8. Received: the mark of UTF-16. Save it again "
                        "as UTF-8.",
                        file=path,
                        row=1,
                    )
            frame = pl.read_csv(
                path, infer_schema=False, separator=_separator(path), row_index_name=ROW
            )
            # Blank lines come out as rows of nothing.
            return frame.filter(~pl.all_horizontal(pl.exclude(ROW).is_null()))
        if path.suffix in _JSON_LINES:
            return pl.read_ndjson(path, infer_schema_length=None)
        if path.suffix in (".parquet", ".pq"):
            return pl.read_parquet(path)
    except OSError as error:
        raise DataError(f"the file must be readable. Received: {error}.", file=path) from error
    except pl.exceptions.PolarsError as error:
        _explain(path, error)
    raise DataError(
        f"a table must be one of {FORMATS}. Received: {path.name!r}. Convert it, or pass a polars "
        "DataFrame.",
        file=path,
    )


def _explain(path: Path, error: Exception) -> NoReturn:
    """Finds the line that polars could not read, and raises about it."""
    reason = str(error).splitlines()[0]
    if path.suffix not in _TEXT:
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
    if path.suffix in _JSON_LINES:
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
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(path))
        header = next(reader)
        before_line = reader.line_num
        for fields in reader:
            if len(fields) > len(header):
                raise DataError(
                    f"every line must have {len(header)} fields, as the header has. Received: "
                    f"{len(fields)} fields. Quote the fields that hold a separator.",
                    file=path,
                    row=before_line + 1,
                    column=header[-1],
                ) from error
            before_line = reader.line_num
    raise DataError(f"the file is not a readable table: {reason}.", file=path) from error


def _column_at(path: Path, raw: bytes, before: str) -> str | None:
    if path.suffix not in _SEPARATED:
        return None
    header = raw.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")
    names = next(csv.reader([header], delimiter=_separator(path)), [])
    fields = next(csv.reader([before], delimiter=_separator(path)), [""])
    return names[len(fields) - 1] if 0 < len(fields) <= len(names) else None
