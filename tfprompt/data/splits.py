"""Cuts along time. Every one keeps the future out of a request's history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfprompt.data import _parts
from tfprompt.data._chosen import digest_of, rows_of
from tfprompt.data._parts import Events, between
from tfprompt.data.split import Split
from tfprompt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset


def leave_one_out(dataset: Dataset, min_events: int = 3) -> Split:
    """Test asks for each user's last event, validation for the second last.

    The history of a request is everything before its target (that of a test request so includes
    the target of validation); training has all but the last two events. Order is the data set's:
    ties in time keep the order of the file.

    Args:
        dataset: the data.
        min_events: users with fewer are left out altogether, and counted; at least 3.

    Raises:
        ConfigError: `min_events` is below 3.
        DataError: no user has enough events.
    """
    begin, end, users, dropped = _enough(dataset, min_events)
    keep = np.zeros(len(dataset.event_users), dtype=bool)
    keep[between(begin, end - 2).flat] = True
    train = _parts.sequences(dataset, keep)
    validation, test = (
        _parts.requests(
            dataset,
            users,
            histories=between(begin, end - back),
            targets=between(end - back, end - back + 1),
            train=train,
            protocol=f"leave-one-out by {dataset.order} ({which} event)",
        )
        for back, which in ((2, "second last"), (1, "last"))
    )
    return Split(train, validation, test, f"leave_one_out(min_events={min_events})", dropped)


def ratio(
    dataset: Dataset,
    validation: float = 0.1,
    test: float = 0.1,
    min_events: int = 3,
    users: Sequence[str] | None = None,
) -> Split:
    """The last `test` share of each user's events is asked for, and the share before it.

    Both shares are rounded down, but never below one event, and one is always left to train on. A
    request has all of them as targets
    (each item once), and everything before them as history.

    Args:
        dataset: the data.
        validation: share of each user's events, above 0.
        test: share of each user's events, above 0.
        min_events: users with fewer are left out altogether, and counted; at least 3.
        users: ids of the only users that take part, in any order; by default all do. The others
            leave altogether, and are counted.

    Raises:
        ConfigError: the shares leave nothing to train on, `min_events` is below 3, or `users`
            holds an id that the data lacks.
        DataError: no user has enough events.
    """
    _check_shares(validation, test)
    only = None if users is None else rows_of(dataset, users)
    begin, end, rows, dropped = _enough(dataset, min_events, only)
    length = end - begin
    # The small number undoes 0.29 * 100 = 28.999999999999996.
    last = np.maximum(np.floor(length * test + 1e-9).astype(np.int64), 1)
    last = np.minimum(last, length - 2)
    before = np.maximum(np.floor(length * validation + 1e-9).astype(np.int64), 1)
    before = np.minimum(before, length - last - 1)
    keep = np.zeros(len(dataset.event_users), dtype=bool)
    keep[between(begin, end - last - before).flat] = True
    train = _parts.sequences(dataset, keep)
    parts = [
        _parts.requests(
            dataset,
            rows,
            histories=between(begin, stop - size),
            targets=_once(dataset, between(stop - size, stop)),
            train=train,
            protocol=f"the last {share:.0%} of each user by {dataset.order}{suffix}",
        )
        for stop, size, share, suffix in (
            (end - last, before, validation, f" before the last {test:.0%}"),
            (end, last, test, ""),
        )
    ]
    name = f"ratio(validation={validation}, test={test}, min_events={min_events}"
    if only is not None:
        name += f", {len(only):,} users {digest_of(dataset.user_ids[only])}"
    return Split(train, parts[0], parts[1], f"{name})", dropped)


def temporal(dataset: Dataset, validation: float = 0.1, test: float = 0.1) -> Split:
    """Two moments cut all users at once: before, between and after them.

    Events of one moment are never torn apart, so the shares are approximate. A request has a
    user's events of its period as targets (each item once) and all earlier ones as history.

    Args:
        dataset: the data; it needs timestamps or, failing them, a `file_order` column.
        validation: share of all events, above 0.
        test: share of all events, above 0.

    Raises:
        ConfigError: the shares leave nothing to train on.
        DataError: there is no time, or a period holds no request.
    """
    _check_shares(validation, test)
    times = dataset.timestamps
    if times is None and "file_order" in dataset.interactions.columns:
        times = dataset.interactions["file_order"].to_numpy()
    if times is None:
        raise DataError(
            "a temporal split needs a time for each event. Received: interactions without "
            "timestamps. Map a column to 'timestamp' (or to 'file_order', if the file is sorted "
            "by time), or use ratio().",
            column="timestamp",
        )
    ordered = np.sort(times)
    number = len(ordered)
    start = ordered[min(int(number * (1 - validation - test)), number - 1)]
    middle = ordered[min(int(number * (1 - test)), number - 1)]
    train = _parts.sequences(dataset, times < start)
    everything = between(dataset.event_offsets[:-1], dataset.event_offsets[1:])
    dropped = {}
    parts = []
    for which, low, high in (("validation", start, middle), ("test", middle, np.inf)):
        at = times[everything.flat]
        histories = everything.where(at < low)
        targets = everything.where((at >= low) & (at < high))
        users = np.flatnonzero((histories.counts > 0) & (targets.counts > 0))
        dropped[f"users of {which} without a history"] = int(
            np.sum((histories.counts == 0) & (targets.counts > 0))
        )
        protocol = f"global temporal split, {which} period from {_moment(dataset, low)}"
        targets = _once(dataset, targets.of(users))
        parts.append(_parts.requests(dataset, users, histories.of(users), targets, train, protocol))
    name = f"temporal(validation={validation}, test={test})"
    return Split(train, parts[0], parts[1], name, dropped)


def _enough(
    dataset: Dataset, min_events: int, only: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """First and past-the-last place of the events of each user who has enough of them.

    Others than the users `only` (rows) leave first, and are counted apart.
    """
    if min_events < 3:
        raise ConfigError(
            "min_events must be at least 3: one event each to train on, to validate and to test. "
            f"Received: min_events={min_events}."
        )
    begin, end = dataset.event_offsets[:-1], dataset.event_offsets[1:]
    wanted = np.arange(len(begin)) if only is None else only
    lengths = (end - begin)[wanted]
    users = wanted[lengths >= min_events]
    if not len(users):
        raise DataError(
            f"this split needs users with {min_events} events or more. Received: "
            f"{len(wanted):,} users, the longest with {np.max(lengths)}."
        )
    dropped = {
        f"users with fewer than {min_events} events": len(wanted) - len(users),
        "events of those users": int(np.sum(lengths[lengths < min_events])),
    }
    if only is not None:
        dropped["users that were not named"] = len(begin) - len(only)
        dropped["events of users that were not named"] = int(end[-1] - np.sum(lengths))
    return begin[users], end[users], users, dropped


def _once(dataset: Dataset, targets: Events) -> Events:
    """Each target item once per request, at its first event."""
    keys = targets.rows * len(dataset.items) + dataset.event_items[targets.flat]
    first = np.zeros(len(keys), dtype=bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return targets.where(first)


def _moment(dataset: Dataset, time: float) -> str:
    if dataset.timestamps is None:
        return f"place {int(time):,} of the file"
    return f"{np.datetime64(int(time), 's')}Z"


def _check_shares(validation: float, test: float) -> None:
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise ConfigError(
            "validation and test must be above 0 and together below 1. "
            f"Received: validation={validation}, test={test}."
        )
