"""Reading one table, and knowing later which line of the file a row came from."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tfprompt.data._diagnosis import JSON_LINES, SEPARATED, TEXT, explain, separator, suffix
from tfprompt.errors import DataError

FORMATS = ".csv, .tsv, .jsonl, .ndjson, .parquet"
ROW = "\0row"


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
        if self.path is None or suffix(self.path) not in TEXT:
            return record + 1
        # Only errors and reports pay for this walk.
        with open(self.path, encoding="utf-8-sig", newline="") as handle:
            if suffix(self.path) in JSON_LINES:
                full = (number for number, line in enumerate(handle, 1) if line.strip())
                return next(itertools.islice(full, record, None), record + 1)
            # A quoted field may span lines, so lines are counted by a reader.
            reader = csv.reader(handle, delimiter=separator(self.path))
            try:
                for _ in itertools.islice(reader, record + 1):
                    pass
            except csv.Error:  # a field longer than that reader takes
                return record + 2
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
            raise _missing(table, name, columns)
    return Table(frame if ROW in frame.columns else frame.with_row_index(ROW), role, table.path)


def _missing(table: Table, name: str, columns: Mapping[str, str]) -> DataError:
    received = [column for column in table.frame.columns if column != ROW]
    hint = ""
    if len(received) == 1 and any(mark in received[0] for mark in ";\t|"):
        hint = " Fields must be separated by commas in .csv, by tabs in .tsv."
    if name in columns.values() and name not in columns:
        hint = " (`columns` maps our name to the file's, not the other way round.)"
    return DataError(
        f"a table of {table.role} needs the column {name!r}. Received the columns "
        f"{', '.join(map(repr, received))}. Say which one it is with "
        f"columns={{{name!r}: '<name in the file>'}}.{hint}",
        file=table.file,
        row=1 if table.path is not None and suffix(table.path) in SEPARATED else None,
        column=name,
    )


def _read_file(path: Path, role: str) -> pl.DataFrame:
    if not path.is_file():
        raise DataError(f"the file of the {role} must exist. Received: no such file.", file=path)
    if path.stat().st_size == 0:
        raise DataError(f"the file of the {role} must hold a table. Received: 0 bytes.", file=path)
    try:
        if suffix(path) in SEPARATED:
            with open(path, "rb") as handle:
                if handle.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                    raise DataError(
                        "a text file must be UTF-8. Received: the mark of UTF-16. Save it again "
                        "as UTF-8.",
                        file=path,
                        row=1,
                    )
            frame = pl.read_csv(
                path, infer_schema=False, separator=separator(path), row_index_name=ROW
            )
            frame = frame.rename(lambda name: name if name == ROW else name.strip())
            # Blank lines come out as rows of nothing.
            return frame.filter(~pl.all_horizontal(pl.exclude(ROW).is_null()))
        if suffix(path) in JSON_LINES:
            return pl.read_ndjson(path, infer_schema_length=None)
        if suffix(path) in (".parquet", ".pq"):
            return pl.read_parquet(path)
    except OSError as error:
        raise DataError(f"the file must be readable. Received: {error}.", file=path) from error
    except pl.exceptions.PolarsError as error:
        explain(path, error)
    raise DataError(
        f"a table must be one of {FORMATS}. Received: {path.name!r}. Convert it, or pass a polars "
        "DataFrame.",
        file=path,
    )
