"""Fitting the tables together: ids that must be unique, known and aligned."""

from __future__ import annotations

import polars as pl

from tfprompt.data import _columns, _interactions
from tfprompt.data._tables import ROW, Table
from tfprompt.data.report import CleaningReport


def unique(table: Table, key: str, report: CleaningReport) -> Table:
    """Ids as strings, each once."""
    frame = table.frame.with_columns(_columns.strings(table, key).alias(key))
    report.add(f"read {table.role}", frame.height, frame.height, table.file)
    for wrong, label in (
        (frame[key].is_null(), f"{table.role} without {key}"),
        (~frame[key].is_first_distinct() & frame[key].is_not_null(), f"repeated {key}"),
    ):
        if wrong.any():
            place = int(wrong.arg_max() or 0)
            line = table.line(int(frame[ROW][place]))
            detail = f"first in {table.file}, row {line}, {key} {frame[key][place]!r}"
            report.add(label, frame.height, frame.height - int(wrong.sum()), detail)
    frame = frame.filter(frame[key].is_not_null() & frame[key].is_first_distinct())
    if not frame.height:
        raise table.error(
            f"a table of {table.role} must hold at least one row with {key!r}. Received: none.",
            column=key,
        )
    return Table(frame, table.role, table.path)


def known(events: Table, items: Table, report: CleaningReport) -> Table:
    """Events with items of the catalog; if most have none, the ids of the files do not match."""
    unknown = ~events.frame["item_id"].is_in(items.frame["item_id"].implode())
    number = int(unknown.sum())
    if number * 2 > events.frame.height:
        place = int(unknown.arg_max() or 0)
        raise events.error(
            f"interactions must be with items of {items.file}. Received: {number:,} of "
            f"{events.frame.height:,} events with unknown items, the first being "
            f"{events.frame['item_id'][place]!r}; that table starts with "
            f"{items.frame['item_id'][0]!r}. Check that both tables use the same ids.",
            record=int(events.frame[ROW][place]),
            column="item_id",
        )
    return _interactions.drop(events, unknown, "unknown items", report)


def of_the_core(items: Table, events: pl.DataFrame, report: CleaningReport) -> Table:
    left = items.frame.filter(pl.col("item_id").is_in(events["item_id"].unique().implode()))
    detail = "items outside the core leave the catalog"
    report.add("items of the core", items.frame.height, left.height, detail)
    return Table(left, items.role, items.path)


def aligned(users: Table, events: pl.DataFrame, report: CleaningReport) -> Table:
    """One row for each user with events, in their order; nulls where there is no profile."""
    order = events.select(pl.col("user_id").unique(maintain_order=True))
    frame = order.join(users.frame, on="user_id", how="left", maintain_order="left")
    without = frame[ROW].null_count()
    if without == frame.height:
        raise users.error(
            "users must be those of the interactions. Received: no profile for any of "
            f"{frame.height:,} users; the interactions start with {frame['user_id'][0]!r}, the "
            f"profiles with {users.frame['user_id'][0]!r}. Check that both use the same ids.",
            record=int(users.frame[ROW][0]),
            column="user_id",
        )
    detail = f"users with events; {without:,} of them have no profile"
    report.add("users with events", users.frame.height, frame.height, detail)
    return Table(frame.with_columns(pl.col(ROW).fill_null(0)), users.role, users.path)
