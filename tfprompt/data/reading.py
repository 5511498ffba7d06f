"""`tp.data.read`: from files or tables to a `Dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tfprompt.data import _columns, _interactions, _item_vectors, _joining
from tfprompt.data._interactions import Duplicates
from tfprompt.data._tables import ROW, Table, read_table
from tfprompt.data._timestamps import PER_SECOND, Unit
from tfprompt.data.catalog import Catalog
from tfprompt.data.column import Column, Kind, describe
from tfprompt.data.dataset import Dataset
from tfprompt.data.report import CleaningReport
from tfprompt.errors import ConfigError, DataError

TableSource = str | Path | pl.DataFrame


# The column of who asks, and how many people it names at most.
USER, MOST_PEOPLE = "user", 100_000


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
            A column of lists of decimals, all of one length, is a vector of the item, see
            `Catalog.vectors`; an empty one (null) stands for an item without.
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
    _check_numbers(timestamp_unit, min_rating, k_core)
    names, fill, kinds = dict(columns or {}), dict(fill or {}), dict(kinds or {})
    report = CleaningReport()
    events = read_table(interactions, "interactions", names, ("user_id", "item_id"))
    item_table = None if items is None else read_table(items, "items", names, ("item_id",))
    user_table = None if users is None else read_table(users, "users", names, ("user_id",))
    tables = [table for table in (events, item_table, user_table) if table is not None]
    _check_mapping(names, tables)
    present = {name for table in tables for name in table.frame.columns if name != ROW}
    _columns.check_rules(fill, kinds, present)

    events = _interactions.typed(events, timestamp_unit, report)
    if item_table is not None:
        item_table = _joining.unique(item_table, "item_id", report)
        events = _joining.known(events, item_table, report)
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
    if "rating" in frame.columns:
        context["rating"] = describe(frame["rating"], "rating", "number", "event")
    if item_table is None:
        known = frame.sort(ROW).select(pl.col("item_id").unique(maintain_order=True))
        item_table = Table(known.with_row_index(ROW), "items", None)
    elif k_core >= 2:
        item_table = _joining.of_the_core(item_table, frame, report)
    item_table, vectors = _item_vectors.taken_out(item_table)
    item_frame, described = _columns.prepare(item_table, "item", ("item_id",), kinds, fill, report)
    profiles: dict[str, Column] = {}
    user_frame = None
    if user_table is not None:
        user_table = _joining.unique(user_table, "user_id", report)
        user_table = _joining.aligned(user_table, frame, report)
        user_frame, profiles = _columns.prepare(
            user_table, "user", ("user_id",), kinds, fill, report
        )
        user_frame = _leading(user_frame, "user_id")
    if USER not in {*described, *context, *profiles}:
        context = {**context, **_people(frame)}
    _note_shadows(described, profiles, context, frame.height, report)
    item_frame = _leading(item_frame, "item_id")
    return Dataset(
        name=name or (events.path.stem if events.path else "data"),
        interactions=_leading(frame, "user_id", "item_id", "rating", "timestamp").drop(
            "position", strict=False
        ),
        # A user's column hides an item's of the same name: templates ask about the user.
        items=Catalog(
            item_frame,
            item_text or _default_text(described),
            described | context | profiles,
            vectors,
        ),
        users=user_frame,
        report=report,
        order=order,
    )


def _people(frame: pl.DataFrame) -> dict[str, Column]:
    """The column of the people's ids, where there are not too many for a table of prompts."""
    ids = frame["user_id"].unique(maintain_order=True).to_list()
    if len(ids) > MOST_PEOPLE:
        return {}
    return {USER: Column(USER, "category", "user", vocabulary=tuple(ids))}


def _default_text(columns: Mapping[str, Column]) -> str:
    texts = [name for name, column in columns.items() if column.kind in ("text", "category")]
    for name in ("title", "name", *texts):
        if name in columns:
            return f"{{{name}}}"
    return "{item_id}"


def _leading(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    first = [name for name in names if name in frame.columns]
    return frame.select(*first, pl.exclude(*first, ROW))


def _check_numbers(unit: str, min_rating: float | None, k_core: int) -> None:
    if unit not in PER_SECOND:
        raise ConfigError(
            f"timestamp_unit must be one of {', '.join(PER_SECOND)}. Received: {unit!r}."
        )
    if not isinstance(min_rating, int | float | None):
        raise ConfigError(f"min_rating must be a number or None. Received: {min_rating!r}.")
    if not isinstance(k_core, int) or k_core < 0:
        raise ConfigError(f"k_core must be 0 (off) or a positive integer. Received: {k_core!r}.")


def _check_mapping(names: Mapping[str, str], tables: list[Table]) -> None:
    present = {column for table in tables for column in table.frame.columns}
    for ours, theirs in names.items():
        if ours not in present:
            files = ", ".join(table.file for table in tables)
            raise DataError(
                f"`columns` must name columns that exist. Received: {{{ours!r}: {theirs!r}}}, and "
                f"no table has {theirs!r}.",
                file=files,
                column=theirs,
            )


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
