"""Types, kinds and missing values of the descriptive columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import polars as pl

from tfprompt.data._tables import ROW, Table
from tfprompt.data.column import Column, Kind, Source, describe
from tfprompt.data.report import CleaningReport
from tfprompt.errors import ConfigError

# More different values than this are read as text: a vocabulary that long is seldom a category.
_LONGEST_VOCABULARY = 256
_KINDS = ("text", "category", "number")

Fill = Mapping[str, Any]


def strings(table: Table, name: str) -> pl.Series:
    """A column as strings: whole floats lose their ".0", blanks become null.

    Raises:
        DataError: values of this type cannot be written as a string.
    """
    series = table.frame[name]
    if series.dtype.is_float():
        series = series.fill_nan(None)
        if (series.drop_nulls() % 1 == 0).all():
            series = series.cast(pl.Int64)
    try:
        return series.cast(pl.String).str.strip_chars().replace("", None)
    except pl.exceptions.PolarsError as error:
        raise table.error(
            f"a column must hold strings, numbers or dates. Received: type {series.dtype}. "
            "Convert it or leave it out.",
            column=name,
        ) from error


def prepare(
    table: Table,
    source: Source,
    skip: tuple[str, ...],
    kinds: Mapping[str, Kind],
    fill: Fill,
    report: CleaningReport,
) -> tuple[pl.DataFrame, dict[str, Column]]:
    """Gives every column but `skip` a type and a kind, fills what is missing, and measures it.

    Returns:
        The frame with the cleaned columns, and what they are by name.

    Raises:
        DataError: a value does not fit the kind that `kinds` asks for.
    """
    frame, described = table.frame, {}
    for name in [name for name in frame.columns if name not in (*skip, ROW)]:
        series, kind = _typed(table, name, kinds.get(name))
        missing = series.null_count()
        rule = fill.get(name, fill.get(kind))
        if missing and rule is not None:
            _check_fill(kind, name, rule)
            series, value = _filled(series, kind, rule)
            detail = f"{missing:,} missing in {table.role} column {name!r} ({kind}): {value!r}"
            report.add("missing values", frame.height, frame.height, detail)
        elif missing:
            left = {"number": "read as the mean", "category": "read as unknown"}.get(
                kind, "leave nothing in a text"
            )
            detail = f"{missing:,} missing in {table.role} column {name!r} ({kind}): {left}"
            report.add("missing values", frame.height, frame.height, detail)
        described[name] = describe(series, name, kind, source)
        frame = frame.with_columns(series.alias(name))
        if kind == "number":
            column = described[name]
            detail = (
                f"{table.role} column {name!r}: mean {column.mean:.6g}, deviation {column.std:.6g} "
                "are taken out when it is a feature; its text keeps the raw number"
            )
            report.add("standardised numbers", frame.height, frame.height, detail)
    return frame, described


def check_rules(fill: Fill, kinds: Mapping[str, Kind], columns: set[str]) -> None:
    """Raises ConfigError for a rule that could not be meant."""
    for name, kind in kinds.items():
        if name not in columns or kind not in _KINDS:
            raise ConfigError(
                f"kinds maps a column to one of {', '.join(_KINDS)}. Received: "
                f"{{{name!r}: {kind!r}}}. Columns: {', '.join(sorted(columns))}."
            )
    for key, rule in fill.items():
        if key not in columns and key not in _KINDS:
            raise ConfigError(
                f"fill maps a kind ({', '.join(_KINDS)}) or a column to what stands for a missing "
                f"value. Received: {key!r}. Columns: {', '.join(sorted(columns))}."
            )
        if key in _KINDS:
            _check_fill(cast(Kind, key), key, rule)


def _check_fill(kind: Kind, key: str, rule: Any) -> None:
    number = isinstance(rule, int | float) and not isinstance(rule, bool)
    if rule is None or (kind == "number" and (number or rule in ("mean", "median"))):
        return
    if kind == "number":
        raise ConfigError(
            f"fill[{key!r}] must be 'mean', 'median', a number or None. Received: {rule!r}."
        )
    if not isinstance(rule, str):
        raise ConfigError(f"fill[{key!r}] must be a string or None. Received: {rule!r}.")


def _filled(series: pl.Series, kind: Kind, rule: Any) -> tuple[pl.Series, Any]:
    value = rule
    if kind == "number":
        if rule in ("mean", "median"):
            value = series.mean() if rule == "mean" else series.median()
        if isinstance(value, float) and value.is_integer() and series.dtype.is_integer():
            value = int(value)
        elif series.dtype.is_integer() and isinstance(value, float):
            series = series.cast(pl.Float64)
    return series.fill_null(value), value


def _typed(table: Table, name: str, wanted: Kind | None) -> tuple[pl.Series, Kind]:
    """The column in its final type: String, Int64 or Float64."""
    series = table.frame[name]
    if series.dtype.is_numeric() and wanted in (None, "number"):
        return _number(series), "number"
    if isinstance(series.dtype, pl.List | pl.Array):
        listed = series.cast(pl.List(pl.String)).list.drop_nulls().list.join(", ")
        table = Table(table.frame.with_columns(listed.alias(name)), table.role, table.path)
    elif isinstance(series.dtype, pl.Struct):
        written = series.struct.json_encode()
        table = Table(table.frame.with_columns(written.alias(name)), table.role, table.path)
    series = strings(table, name)
    if wanted == "number" or (wanted is None and _reads_as_number(series)):
        numbers = series.cast(pl.Float64, strict=False)
        wrong = numbers.is_null() & series.is_not_null()
        if wrong.any():
            place = int(wrong.arg_max() or 0)
            raise table.error(
                f"a number column must hold numbers. Received: {series[place]!r}.",
                record=int(table.frame[ROW][place]),
                column=name,
            )
        return _number(numbers), "number"
    if wanted is not None:
        return series, wanted
    return series, "category" if _reads_as_category(series) else "text"


def _number(series: pl.Series) -> pl.Series:
    if series.dtype.is_integer():
        return series.cast(pl.Int64)
    values = series.cast(pl.Float64).fill_nan(None)
    values = values.replace([float("inf"), float("-inf")], [None, None])
    # "1997.0" is how tables with gaps write a year; nobody says it that way in a text.
    known = values.drop_nulls()
    whole = len(known) > 0 and bool(((known % 1 == 0) & (known.abs() < 2**53)).all())
    return values.cast(pl.Int64) if whole else values


def _reads_as_number(series: pl.Series) -> bool:
    """True if every value is a number and none is a code such as a zip code with its zeros."""
    known = series.drop_nulls()
    if known.is_empty() or known.cast(pl.Float64, strict=False).null_count():
        return False
    return not known.str.contains(r"^[+-]?0\d").any()


def _reads_as_category(series: pl.Series) -> bool:
    """True for a short vocabulary whose values recur, and are not lists."""
    known = series.drop_nulls()
    different = known.n_unique()
    if not 0 < different <= _LONGEST_VOCABULARY or different * 2 > max(len(known), 8):
        return False
    return not known.str.contains(", ", literal=True).any()
