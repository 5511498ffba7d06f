"""Cutting a data set into sequences and requests, by the places of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from tfprompt.data.requests import Requests, ranking_words
from tfprompt.data.sequences import Sequences
from tfprompt.errors import DataError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset


class Events(NamedTuple):
    """Places of events for several rows: row `r` owns `flat[offsets[r]:offsets[r+1]]`."""

    flat: np.ndarray
    offsets: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Number of events of each row."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> np.ndarray:
        """The row of each entry of `flat`."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)

    def where(self, keep: np.ndarray) -> Events:
        """The entries for which `keep` (aligned with `flat`) is true; rows may become empty."""
        return Events(self.flat[keep], offsets_of(self.rows[keep], len(self.offsets) - 1))

    def of(self, rows: np.ndarray) -> Events:
        """Some of the rows, in the given order."""
        inside = between(self.offsets[rows], self.offsets[rows + 1])
        return Events(self.flat[inside.flat], inside.offsets)


def between(begins: np.ndarray, ends: np.ndarray) -> Events:
    """The places `begins[r], ..., ends[r]-1` of every row."""
    counts = ends - begins
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Events(np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], counts), offsets)


def offsets_of(rows: np.ndarray, number: int) -> np.ndarray:
    """Offsets of entries that are sorted by row."""
    counts = np.bincount(rows, minlength=number)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def sequences(dataset: Dataset, keep: np.ndarray) -> Sequences:
    """The training part made of the events where `keep` `[E]` is true.

    Raises:
        DataError: nothing is left to train on.
    """
    if not keep.any():
        raise DataError(
            f"a split must leave events to train on. Received: {len(keep):,} events of "
            f"{len(dataset.user_ids):,} users, none of which is left. Give more data, or ask for "
            "smaller parts."
        )
    flat = np.flatnonzero(keep)
    users, rows = np.unique(dataset.event_users[flat], return_inverse=True)
    return Sequences(
        catalog=dataset.items,
        user_ids=dataset.user_ids[users],
        items=dataset.event_items[flat],
        offsets=offsets_of(rows, len(users)),
        users=_profiles(dataset, users),
        timestamps=None if dataset.timestamps is None else dataset.timestamps[flat],
        context={name: values[flat] for name, values in dataset.context.items()},
        ratings=None if dataset.ratings is None else dataset.ratings[flat],
    )


def requests(
    dataset: Dataset,
    users: np.ndarray,
    histories: Events,
    targets: Events,
    train: Sequences,
    protocol: str,
) -> Requests:
    """Requests of some users; rows of `histories` and `targets` are aligned with `users`.

    Raises:
        DataError: there is no request at all.
    """
    if not len(users):
        raise DataError(
            "a split must leave requests for validation and test. Received: no user with both a "
            f"history and a target ({protocol}). Give users with more events, or larger parts."
        )
    first = targets.flat[targets.offsets[:-1]]
    return Requests(
        catalog=dataset.items,
        user_ids=dataset.user_ids[users],
        histories=dataset.event_items[histories.flat],
        history_offsets=histories.offsets,
        targets=dataset.event_items[targets.flat],
        target_offsets=targets.offsets,
        train=train,
        protocol=protocol + ranking_words(dataset.items),
        users=_profiles(dataset, users),
        timestamps=None if dataset.timestamps is None else dataset.timestamps[first],
        context={name: values[first] for name, values in dataset.context.items()},
        history_ratings=None if dataset.ratings is None else dataset.ratings[histories.flat],
        target_ratings=None if dataset.ratings is None else dataset.ratings[targets.flat],
    )


def _profiles(dataset: Dataset, users: np.ndarray) -> pl.DataFrame | None:
    if dataset.users is None:
        return None
    return dataset.users.drop("user_id")[users]
