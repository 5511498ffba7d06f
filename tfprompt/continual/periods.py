"""A stream along time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfprompt.continual._stages import check_min_events, stage_of
from tfprompt.continual.stream import Stream
from tfprompt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset


def periods(dataset: Dataset, n: int = 5, *, min_events: int = 3) -> Stream:
    """Cuts the events along time into n periods of about as many events each.

    A period trains on its own events. It asks for each user's last event within the period (test)
    and the one before (validation); their history is everything that the user did before, in
    earlier periods too. Ranked are the items that anybody has taken by the end of the period, for
    all methods the same. Events of one moment are never torn apart.

    Args:
        dataset: the data, with timestamps.
        n: number of periods T, 2 or more.
        min_events: users with fewer events in a period are trained on there and never asked.

    Returns:
        The periods in order.

    Raises:
        ConfigError: `n` is below 2, or `min_events` below 3.
        DataError: there are no timestamps, or a period is left without a request.

    Example:
        ```python
        stream = tp.continual.periods(tp.data.load("movielens-100k"), n=5)
        print(stream)
        ```
    """
    check_min_events(min_events)
    if n < 2:
        raise ConfigError(f"There are two periods or more. Received: n={n}.")
    times = dataset.timestamps
    if times is None or np.isnan(times).any():
        raise DataError(
            "Periods need the time of every event. Received: interactions without timestamps. Map "
            "a column to 'timestamp'.",
            column="timestamp",
        )
    ordered = np.sort(times)
    starts = ordered[(len(ordered) * np.arange(1, n)) // n]
    period = np.searchsorted(starts, times, side="right")
    if len(np.unique(period)) < n:
        raise DataError(
            f"Each of the n periods needs events of its own. Received: n={n}, with moments that "
            "so many events share that a period is empty. Ask for fewer periods.",
            column="timestamp",
        )
    edges = [ordered[0], *starts, ordered[-1]]
    stages = []
    for number in range(n):
        days = [_day(edges[number + at]) for at in (0, 1)]
        stages.append(
            stage_of(
                dataset,
                period == number,
                f"{number + 1}: {days[0]} to {days[1]}",
                past=period <= number,
                min_events=min_events,
                which="the period",
                items="the periods so far",
            )
        )
    return Stream(f"periods(n={n}, min_events={min_events}) of {dataset.name}", tuple(stages))


def _day(moment: float) -> str:
    """The day of a timestamp in seconds, "2001-09-09"."""
    return str(np.datetime64(int(moment), "s").astype("datetime64[D]"))
