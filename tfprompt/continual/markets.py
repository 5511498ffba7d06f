"""A stream of markets: one kind of items, or of users, after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tfprompt.continual._stages import check_min_events, stage_of
from tfprompt.continual.stream import Stream
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset


def markets(
    dataset: Dataset,
    column: str,
    values: Sequence[str] | None = None,
    *,
    separator: str | None = ", ",
    min_events: int = 3,
) -> Stream:
    """Cuts the events by a column of items or users into markets that share none of them.

    A market sees its own events alone: it trains on them, asks for each user's last one (test) and
    the one before (validation), and a history holds what the user did before in this market.
    Ranked are the items that anybody has taken in the market, for all methods the same.

    Args:
        dataset: the data.
        column: of the items (`"genres"`) or else of the users (`"gender"`).
        values: the markets in order; None takes all values, those with most events first. An item
            of several values belongs to the first of them in this order. What has none of them is
            left out.
        separator: what stands between the values of one item; None for a single value.
        min_events: users with fewer events in a market are trained on there and never asked.

    Returns:
        The markets in order.

    Raises:
        ConfigError: no such column, fewer than two values, or `min_events` below 3.
        DataError: a market is left without events or requests.

    Example:
        ```python
        stream = tp.continual.markets(data, "genres", ["Horror", "Romance", "Crime"])
        ```
    """
    check_min_events(min_events)
    rows, of_event = _column(dataset, column)
    parts = [
        [] if value is None else [value] if separator is None else value.split(separator)
        for value in rows
    ]
    if values is None:
        counts: Counter[str] = Counter()
        for place in of_event:
            counts.update(parts[place])
        values = sorted(counts, key=lambda value: (-counts[value], value))
    wanted = list(dict.fromkeys(map(str, values)))
    if len(wanted) < 2 or len(wanted) < len(values):
        raise ConfigError(f"There are two markets or more, each once. Received: {list(values)}.")
    place_of = {value: place for place, value in enumerate(wanted)}
    first = [min((place_of[v] for v in each if v in place_of), default=-1) for each in parts]
    market = np.array(first)[of_event]
    stages = tuple(
        stage_of(
            dataset,
            market == number,
            value,
            past=market == number,
            min_events=min_events,
            which="the market",
            items="the market",
        )
        for number, value in enumerate(wanted)
    )
    name = f"markets({column!r}, {wanted}, min_events={min_events}) of {dataset.name}"
    return Stream(name, stages)


def _column(dataset: Dataset, column: str) -> tuple[list[str | None], np.ndarray]:
    """The column's values by row, and the row of each event."""
    for frame, rows in (
        (dataset.items.frame, dataset.event_items),
        (dataset.users, dataset.event_users),
    ):
        if frame is not None and column in frame.columns:
            return frame[column].cast(pl.String).to_list(), rows
    known = [
        *dataset.items.frame.columns,
        *(() if dataset.users is None else dataset.users.columns),
    ]
    raise ConfigError(
        f"A market is a value of a column of items or users: {', '.join(known)}. "
        f"Received: {column!r}."
    )
