"""`tp.data.read`: from files or tables to a `Dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tfprompt.data import _columns, _interactions
from tfprompt.data._interactions import Duplicates
from tfprompt.data._tables import ROW, Table, read_table
from tfprompt.data._timestamps import PER_SECOND, Unit
from tfprompt.data.catalog import Catalog
from tfprompt.data.column import Column, Kind
from tfprompt.data.dataset import Dataset
from tfprompt.data.report import CleaningReport
from tfprompt.errors import ConfigError, DataError

TableSource = str | Path | pl.DataFrame


def read(
    interactions: TableSource,
    items: TableSource | None = None,
    users: TableSource | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    item_text: str | None = None,
    min_rating: float | None = None,
    k_core: int = 0,
    duplicates: Duplicates = "first",
    fill: Mapping[str, object] | None = None,
    name: str | None = None,
    timestamp_unit: Unit = "s",
    kinds: Mapping[str, Kind] | None = None,
) -> Dataset:
    """Reads and checks the tables of a data set.

    Args:
        interactions: one row per event, with `user_id`, `item_id` and optionally `rating`,
            `timestamp`, `position` (order within a user) or `file_order`; others are context.
            A path (.csv, .tsv, .jsonl, .parquet) or a polars DataFrame.
        items: one row per item with `item_id`; without it the catalog is the items of the events.
        users: one row per user with `user_id`.
        columns: our name → name in the files, as `{"user_id": "UserID"}`; holds for all tables.
        item_text: template that says an item in words; by default `"{title}"` or the first text.
        min_rating: an event with a lower rating, or with none, is no positive and leaves.
        k_core: users and items with fewer events leave, until none has; 0 keeps all.
        duplicates: of several events of one user and item the `"first"`, `"last"` or `"all"`.
        fill: what stands for a missing value, by kind (`"text"`, `"category"`, `"number"`) or by
            column: a constant, or `"mean"` / `"median"` for numbers. By default nothing: it
            leaves no trace in a text, is 0 (the mean) as a number and unknown as a category.
        name: what reports call the data set; by default the file's name.
        timestamp_unit: `"s"`, `"ms"`, `"us"` or `"ns"`; never guessed. ISO 8601 dates need none.
        kinds: kind of a column where the guess from its values is wrong.

    Returns:
        The data set; `report` says what was done to how many rows.

    Raises:
        DataError: a table breaks a rule; with file, row and column.
        ConfigError: an argument breaks a rule.

    Example:
        >>> events = pl.DataFrame({"who": ["u", "u"], "item_id": ["a", "b"]})
        >>> read(events, columns={"user_id": "who"}, name="tiny")
        Dataset('tiny': 1 users, 2 items, 2 events, in order of file order)
    """
    if timestamp_unit not in PER_SECOND:
        raise ConfigError(
            f"timestamp_unit must be one of {', '.join(PER_SECOND)}. Received: {timestamp_unit!r}."
        )
    names, fill, kinds = dict(columns or {}), dict(fill or {}), dict(kinds or {})
    _columns.check_fill(fill)
    report = CleaningReport()
    events = read_table(interactions, "interactions", names, ("user_id", "item_id"))
    item_table = None if items is None else read_table(items, "items", names, ("item_id",))
    user_table = None if users is None else read_table(users, "users", names, ("user_id",))
    _check_mapping(names, [events, item_table, user_table])

    events = _interactions.typed(events, timestamp_unit, report)
    if item_table is not None:
        item_table = _unique(item_table, "item_id", report)
        events = _known(events, item_table, report)
    events = _interactions.positives(events, min_rating, report)
    events, order = _interactions.in_order(events)
    events = _interactions.without_duplicates(events, duplicates, report)
    events = _interactions.core(events, k_core, report)
    if not events.frame.height:
        raise events.error("the rules must leave at least one event. Received: none is left.")

    context_skip = ("user_id", "item_id", "rating", "timestamp", "position", "file_order")
    frame, context = _columns.prepare(events, "context", context_skip, kinds, fill, report)
    if "timestamp" in frame.columns:
        context["timestamp"] = Column("timestamp", "timestamp", "context")
    if item_table is None:
        known = frame.sort(ROW).select(pl.col("item_id").unique(maintain_order=True))
        item_table = Table(known.with_row_index(ROW), "items", None)
    elif k_core >= 2:
        item_table = _of_the_core(item_table, frame, report)
    item_frame, described = _columns.prepare(item_table, "item", ("item_id",), kinds, fill, report)
    profiles: dict[str, Column] = {}
    user_frame = None
    if user_table is not None:
        user_table = _unique(user_table, "user_id", report)
        user_table = _aligned(user_table, frame, report)
        user_frame, profiles = _columns.prepare(
            user_table, "user", ("user_id",), kinds, fill, report
        )
        user_frame = _leading(user_frame, "user_id")
    _note_shadows(described, profiles, context, frame.height, report)
    item_frame = _leading(item_frame, "item_id")
    return Dataset(
        name=name or (events.path.stem if events.path else "data"),
        interactions=_leading(frame, "user_id", "item_id", "rating", "timestamp").drop(
            "position", strict=False
        ),
        # A user's column hides an item's of the same name: templates ask about the user.
        items=Catalog(
            item_frame, item_text or _default_text(described), described | context | profiles
        ),
        users=user_frame,
        report=report,
        order=order,
    )


def _default_text(columns: Mapping[str, Column]) -> str:
    texts = [name for name, column in columns.items() if column.kind in ("text", "category")]
    for name in ("title", "name", *texts):
        if name in columns:
            return f"{{{name}}}"
    return "{item_id}"


def _leading(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    first = [name for name in names if name in frame.columns]
    return frame.select(*first, pl.exclude(*first, ROW))


def _check_mapping(names: Mapping[str, str], tables: list[Table | None]) -> None:
    present = {column for table in tables if table is not None for column in table.frame.columns}
    for ours, theirs in names.items():
        if ours not in present:
            files = ", ".join(table.file for table in tables if table is not None)
            raise DataError(
                f"`columns` must name columns that exist. Received: {{{ours!r}: {theirs!r}}}, and "
                f"no table has {theirs!r}.",
                file=files,
                column=theirs,
            )


def _unique(table: Table, key: str, report: CleaningReport) -> Table:
    """Ids as strings, each once."""
    frame = table.frame.with_columns(_columns.strings(table.frame[key]).alias(key))
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


def _known(events: Table, items: Table, report: CleaningReport) -> Table:
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


def _of_the_core(items: Table, events: pl.DataFrame, report: CleaningReport) -> Table:
    left = items.frame.filter(pl.col("item_id").is_in(events["item_id"].unique().implode()))
    detail = "items outside the core leave the catalog"
    report.add("items of the core", items.frame.height, left.height, detail)
    return Table(left, items.role, items.path)


def _aligned(users: Table, events: pl.DataFrame, report: CleaningReport) -> Table:
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


def _note_shadows(
    items: Mapping[str, Column],
    users: Mapping[str, Column],
    context: Mapping[str, Column],
    rows: int,
    report: CleaningReport,
) -> None:
    for name in sorted((set(items) | set(context)) & set(users) | set(items) & set(context)):
        winner = "users" if name in users else "interactions"
        detail = f"{name!r} is in several tables; in a template it means that of the {winner}"
        report.add("equal column names", rows, rows, detail)
