"""Cleaning the interactions: ids, numbers, order, duplicates, cores."""

from __future__ import annotations

from typing import Literal

import polars as pl

from tfprompt.data._columns import strings
from tfprompt.data._tables import ROW, Table
from tfprompt.data._timestamps import Unit, to_seconds
from tfprompt.data.report import CleaningReport
from tfprompt.errors import ConfigError

Duplicates = Literal["first", "last", "all"]
_ORDERS = ("position", "file_order", "timestamp")


def typed(table: Table, unit: Unit, report: CleaningReport) -> Table:
    """Ids as strings, times as seconds, ratings and orders as numbers; rows without them leave."""
    frame = table.frame.with_columns(
        strings(table, name).alias(name) for name in ("user_id", "item_id")
    )
    if "timestamp" in frame.columns:
        frame = frame.with_columns(to_seconds(table, "timestamp", unit).alias("timestamp"))
    for name in ("rating", "position", "file_order"):
        if name in frame.columns:
            frame = frame.with_columns(_numbers(table, name).alias(name))
    report.add("read interactions", frame.height, frame.height, table.file)
    table = Table(frame, table.role, table.path)
    if "rating" in frame.columns and (without := frame["rating"].null_count()):
        detail = f"{without:,} events have no rating; they are no positives under a min_rating"
        report.add("missing rating", frame.height, frame.height, detail)
    # A missing rating stays: the event happened. An event without its place in time cannot.
    for name in ("user_id", "item_id", *_ORDERS):
        if name in frame.columns:
            table = drop(table, table.frame[name].is_null(), f"missing {name}", report)
    if not table.frame.height:
        raise table.error(
            "interactions must hold at least one event with a user and an item. Received: "
            f"{frame.height:,} rows, none of them whole."
        )
    return table


def drop(table: Table, wrong: pl.Series, name: str, report: CleaningReport) -> Table:
    """Takes out the rows where `wrong` is true, and reports how many and where the first was."""
    if not wrong.any():
        return table
    place = int(wrong.arg_max() or 0)
    row = table.frame.row(place, named=True)
    frame = table.frame.filter(~wrong)
    detail = (
        f"first in {table.file}, row {table.line(row[ROW])} "
        f"(user {row['user_id']!r}, item {row['item_id']!r})"
    )
    report.add(name, table.frame.height, frame.height, detail)
    return Table(frame, table.role, table.path)


def positives(table: Table, min_rating: float | None, report: CleaningReport) -> Table:
    """Keeps the events that count as liked; without a rating an event is not known to be one."""
    if min_rating is None:
        return table
    if "rating" not in table.frame.columns:
        raise table.error(
            f"min_rating needs ratings. Received: min_rating={min_rating} and no column 'rating'. "
            "Name it with columns={'rating': '<name in the file>'}.",
            column="rating",
        )
    keep = (table.frame["rating"] >= min_rating).fill_null(False)
    report.add(
        "minimum rating",
        table.frame.height,
        int(keep.sum()),
        f"a positive has {min_rating} or more",
    )
    return Table(table.frame.filter(keep), table.role, table.path)


def in_order(table: Table) -> tuple[Table, str]:
    """Sorts user after user (as they first appear), each user's events in their order.

    A column that says the order wins over time: many data sets have only days, and sorting by
    day again would shuffle what is known. Ties keep the order of the file.
    """
    frame = table.frame
    by = next((name for name in _ORDERS if name in frame.columns), None)
    first = frame.group_by("user_id").agg(pl.col(ROW).min().alias("\0first"))
    keys = ["\0first", *([by] if by else []), ROW]
    frame = frame.join(first, on="user_id", how="left").sort(keys).drop("\0first")
    order = "file order" if by in (None, "file_order") else str(by)
    return Table(frame, table.role, table.path), order


def without_duplicates(table: Table, keep: Duplicates, report: CleaningReport) -> Table:
    """One event for each user and item, or all of them. Expects events in order."""
    if keep not in ("first", "last", "all"):
        raise ConfigError(
            f"duplicates must be 'first', 'last' or 'all'. Received: duplicates={keep!r}."
        )
    pair = pl.struct("user_id", "item_id")
    repeated = table.frame.select(~pair.is_first_distinct()).to_series()
    if keep == "all":
        number = int(repeated.sum())
        detail = f"{number:,} events repeat a user and item; all stay (duplicates='all')"
        report.add("duplicate events", table.frame.height, table.frame.height, detail)
        return table
    if keep == "last":
        repeated = table.frame.select(~pair.is_last_distinct()).to_series()
    frame = table.frame.filter(~repeated)
    detail = f"the {keep} of each user and item stays"
    report.add("duplicate events", table.frame.height, frame.height, detail)
    return Table(frame, table.role, table.path)


def core(table: Table, k: int, report: CleaningReport) -> Table:
    """Takes out users and items with fewer than `k` events until none is left (k-core)."""
    if k < 2:
        return table
    frame, rounds, before = table.frame, 0, -1
    while frame.height != before:
        before, rounds = frame.height, rounds + 1
        for name in ("user_id", "item_id"):
            frame = frame.filter(pl.len().over(name) >= k)
    detail = f"every user and item has {k} events or more, after {rounds} rounds"
    report.add(f"{k}-core", table.frame.height, frame.height, detail)
    if not frame.height:
        raise table.error(
            f"k_core={k} must leave events. Received: none of {table.frame.height:,} is left. "
            "Choose a smaller k_core."
        )
    return Table(frame, table.role, table.path)


def _numbers(table: Table, name: str) -> pl.Series:
    series = table.frame[name]
    if series.dtype == pl.String:
        series = series.str.strip_chars().replace("", None)
    numbers = series.cast(pl.Float64, strict=False)
    wrong = numbers.is_infinite().fill_null(True) & series.is_not_null()
    if wrong.any():
        place = int(wrong.arg_max() or 0)
        raise table.error(
            f"the column {name!r} must hold finite numbers. Received: {series[place]!r}.",
            record=int(table.frame[ROW][place]),
            column=name,
        )
    return numbers.fill_nan(None)
