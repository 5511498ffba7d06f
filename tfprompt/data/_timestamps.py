"""Times as seconds since 1970 in UTC; a unit is never guessed."""

from __future__ import annotations

import datetime
from typing import Literal

import polars as pl

from tfprompt.data._tables import ROW, Table

Unit = Literal["s", "ms", "us", "ns"]
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_LATEST_S = 4_102_444_800  # 2100-01-01
# No seconds up to 2100 may pass for milliseconds of 1970, nor milliseconds for microseconds: the
# finer units begin on 1970-02-17, where the coarser ones would end.
_BEGIN = {"s": "1970-01-02", "ms": "1970-02-17", "us": "1970-02-17", "ns": "1970-02-17"}
_EARLIEST_S = {unit: 86_400 if unit == "s" else _LATEST_S // 1000 for unit in PER_SECOND}


def to_seconds(table: Table, column: str, unit: Unit) -> pl.Series:
    """The column as float seconds, null where missing.

    Raises:
        DataError: a value is no time, or not in the unit.
    """
    series = table.frame[column]
    if series.dtype == pl.Date:
        return series.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
    if series.dtype == pl.Datetime:
        return series.dt.epoch("us").cast(pl.Float64) / 1e6
    if series.dtype == pl.String:
        series = series.str.strip_chars().replace("", None)
        numbers = series.cast(pl.Float64, strict=False)
        if numbers.null_count() > series.null_count():
            return _from_dates(table, column, series)
        series = numbers
    elif not series.dtype.is_numeric():
        raise table.error(
            f"a timestamp must be a number or an ISO 8601 date. Received: type {series.dtype}.",
            column=column,
        )
    seconds = series.cast(pl.Float64).fill_nan(None) / PER_SECOND[unit]
    wrong = ~seconds.is_between(_EARLIEST_S[unit], _LATEST_S).fill_null(True)
    if wrong.any():
        place = wrong.arg_max() or 0
        _refuse(table, column, float(seconds[place]) * PER_SECOND[unit], place, unit)
    return seconds


def _refuse(table: Table, column: str, value: float, place: int, unit: Unit) -> None:
    fits = [u for u, per in PER_SECOND.items() if _EARLIEST_S[u] < value / per < _LATEST_S]
    if fits:
        remedy = f"It looks like {_NAMES[fits[0]]}: pass timestamp_unit={fits[0]!r}."
    else:
        remedy = (
            "It fits no unit (s, ms, us, ns). If the column is only an order, name it with "
            f"columns={{'position': {column!r}}}."
        )
    raise table.error(
        f"timestamps in {_NAMES[unit]} must lie between {_BEGIN[unit]} and 2100. "
        f"Received: {value:.15g}. {remedy}",
        record=int(table.frame[ROW][place]),
        column=column,
    )


def _from_dates(table: Table, column: str, series: pl.Series) -> pl.Series:
    known: dict[str | None, float | None] = {None: None}
    for text in series.unique().drop_nulls().to_list():
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            place = int((series == text).arg_max() or 0)
            raise table.error(
                "a timestamp must be a number or an ISO 8601 date, as 2024-05-31T12:00:00Z. "
                f"Received: {text!r}.",
                record=int(table.frame[ROW][place]),
                column=column,
            ) from None
        # A date without a zone is taken as UTC: the machine's own zone must not change the data.
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        known[text] = moment.timestamp()
    return pl.Series(column, [known[text] for text in series.to_list()], dtype=pl.Float64)
