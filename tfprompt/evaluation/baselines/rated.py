"""Rated events as plain arrays: what the baselines for ratings are fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tfprompt.data.sequences import Sequences
from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation._flat import row_of_each

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


@dataclass(frozen=True, eq=False)
class Rated:
    """E events that have a rating, row after row.

    Attributes:
        rows: int64 [E], the user of the training part, or the request; rising.
        items: int [E], catalog indexes.
        values: float64 [E], ratings; or 0.0 and 1.0 where likes are predicted.
        n_rows: number of users or requests, with and without ratings.
    """

    rows: NDArray[np.int64]
    items: NDArray[np.integer[Any]]
    values: NDArray[np.float64]
    n_rows: int


def rated_training(train: Sequences, like: float | None = None) -> Rated:
    """The rated events of a training part.

    Raises:
        DataError: it has none.
    """
    found = None
    if train.ratings is not None:
        found = _rated(train.items, train.offsets, train.ratings, like)
    if found is None or not len(found.values):
        raise DataError(
            "A baseline for ratings is fitted on training events with ratings. Received: none. "
            "Read interactions with a column 'rating' (columns={'rating': '<name in the file>'}).",
            column="rating",
        )
    return found


def rated_histories(requests: Requests, like: float | None = None) -> Rated:
    """The rated events of the requests' histories; none where the data has no ratings."""
    ratings = requests.history_ratings
    if ratings is None:
        ratings = np.full(len(requests.histories), np.nan, np.float32)
    return _rated(requests.histories, requests.history_offsets, ratings, like)


def known_at(requests: Requests) -> Sequences:
    """All events that lie before the requests, to fit a final model on after tuning.

    For the test part of a split along time that is training and validation: each request's
    history, and the training events of users who make no request. Moments and contexts of the
    events are not kept.

    Args:
        requests: with at most one request per user.

    Raises:
        ConfigError: a user makes several requests.

    Example:
        `RatingBias(known_at(split.test))`
    """
    train = requests.train
    if len(np.unique(requests.user_ids)) < len(requests.user_ids):
        raise ConfigError(
            "known_at needs at most one request per user. Received: several of one user. Pass "
            "the part of a split."
        )
    other = np.flatnonzero(~np.isin(train.user_ids, requests.user_ids))
    keep = np.isin(row_of_each(train.offsets), other)
    ratings = None
    if requests.history_ratings is not None and train.ratings is not None:
        ratings = np.concatenate([requests.history_ratings, train.ratings[keep]])
    users = None
    if requests.users is not None and train.users is not None:
        users = pl.concat([requests.users, train.users[other.tolist()]])
    lengths = np.concatenate([np.diff(requests.history_offsets), np.diff(train.offsets)[other]])
    return Sequences(
        catalog=requests.catalog,
        user_ids=np.concatenate([requests.user_ids, train.user_ids[other]]),
        items=np.concatenate([requests.histories, train.items[keep]]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ratings=ratings,
        users=users,
    )


def check_like(like: float | None) -> float | None:
    """The threshold as a float.

    Raises:
        ConfigError: it is no finite number.
    """
    if like is None:
        return None
    if isinstance(like, bool) or not np.isfinite(like):
        raise ConfigError(f"`like` must be a rating or None. Received: {like!r}. Pass like=4.0.")
    return float(like)


def _rated(items: Any, offsets: Any, ratings: Any, like: float | None) -> Rated:
    known = ~np.isnan(ratings)
    values = np.asarray(ratings, np.float64)[known]
    if like is not None:
        values = (values >= like).astype(np.float64)
    return Rated(row_of_each(offsets)[known], items[known], values, len(offsets) - 1)
