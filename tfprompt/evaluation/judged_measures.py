"""Measures of predictions about pairs of a user and an item, as `statistics` of the users.

| measure | truth | better | what it is |
|---|---|---|---|
| `rmse` | ratings | lower | root of the mean squared error over all pairs |
| `mae` | ratings | lower | mean absolute error over all pairs |
| `ndcg` | both | higher | order of a request's own judged targets; mean over requests |
| `auc` | likes | higher | over all pairs of a liked and a disliked entry of anybody; ties half |
| `user_auc` | likes | higher | the same within each user who has both; mean over those users |
| `log_loss` | likes | lower | natural logarithm, probabilities cut to [1e-7, 1 - 1e-7] |
| `calibration_error` | likes | lower | expected calibration error in 15 bins of equal count |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfprompt.evaluation.statistics import BinnedGap, Floats, GlobalAUC, RatioOfSums, Statistic

LOWER_IS_BETTER = ("rmse", "mae", "log_loss", "calibration_error")
BINS = 15
_EDGE = 1e-7

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """E judged pairs, request after request.

    Attributes:
        truth: float64 [E], ratings; or labels, 0.0 and 1.0.
        requests: int64 [E], which request it belongs to, rising.
        users: int64 [E], whose it is, from 0 to U - 1.
    """

    truth: Floats
    requests: Ints
    users: Ints


def rating_statistics(pairs: Pairs, predictions: Floats) -> dict[str, Statistic]:
    """`rmse`, `mae`, and `ndcg` where a request has two different ratings.

    Args:
        pairs: with ratings.
        predictions: float64 [E].
    """
    error = predictions - pairs.truth
    counts = _sums(pairs.users, np.ones(len(error)))
    found: dict[str, Statistic] = {
        "rmse": RatioOfSums(_sums(pairs.users, error**2), counts, root=True),
        "mae": RatioOfSums(_sums(pairs.users, np.abs(error)), counts),
    }
    return found | _ndcg(pairs, predictions)


def like_statistics(pairs: Pairs, predictions: Floats) -> dict[str, Statistic]:
    """Measures of probabilities; those of order only where there is something to order.

    Args:
        pairs: with labels.
        predictions: float64 [E], from 0 to 1.
    """
    labels = pairs.truth > 0.5
    counts = _sums(pairs.users, np.ones(len(labels)))
    sure = np.clip(predictions, _EDGE, 1 - _EDGE)
    loss = -np.where(labels, np.log(sure), np.log1p(-sure))
    found: dict[str, Statistic] = {}
    if labels.any() and not labels.all():
        found["auc"] = GlobalAUC(predictions, labels, pairs.users)
    areas, both = user_areas(predictions, labels, pairs.users)
    if both.any():
        found["user_auc"] = RatioOfSums(areas, both.astype(np.float64))
    found["log_loss"] = RatioOfSums(_sums(pairs.users, loss), counts)
    gaps = np.zeros([len(counts), BINS])
    bins = equal_count_bins(predictions, BINS)
    np.add.at(gaps, (pairs.users, bins), pairs.truth - predictions)
    found["calibration_error"] = BinnedGap(gaps, counts)
    return found | _ndcg(pairs, predictions)


def request_ndcg(truth: Floats, predictions: Floats, requests: Ints) -> tuple[Ints, Floats]:
    """NDCG of each request over its own judged targets, gain `2 ** rating - 1`, whole list.

    Among equal predictions the worst order counts, so that a constant earns nothing (Järvelin and
    Kekäläinen 2002; the gain of Burges et al. 2005). Requests whose targets all have one rating
    have nothing to order and are left out.

    Args:
        truth: float [E], ratings or labels, not negative.
        predictions: float [E].
        requests: int [E], rising.

    Returns:
        The requests, int64 [Q], and their NDCG, float64 [Q].

    Example:
        >>> import numpy as np
        >>> one = np.zeros(2, int)
        >>> request_ndcg(np.array([1.0, 0.0]), np.array([0.5, 0.5]), one)[1].round(4).tolist()
        [0.6309]
    """
    starts = np.flatnonzero(np.diff(requests, prepend=-1))
    high = np.maximum.reduceat(truth, starts)
    apart = high > np.minimum.reduceat(truth, starts)
    lengths = np.diff(np.append(starts, len(truth)))
    discount = 1 / np.log2(2 + np.arange(len(truth)) - np.repeat(starts, lengths))
    # Divided by 2 ** highest, which cancels: no scale of ratings overflows.
    top = np.repeat(high, lengths)
    gains = np.exp2(truth - top) - np.exp2(-top)
    worst = np.lexsort((truth, -predictions, requests))
    best = np.lexsort((-truth, requests))
    ideal = np.add.reduceat(gains[best] * discount, starts)[apart]
    found = np.add.reduceat(gains[worst] * discount, starts)[apart]
    return requests[starts[apart]], found / ideal


def user_areas(
    predictions: Floats, labels: NDArray[np.bool_], users: Ints
) -> tuple[Floats, NDArray[np.bool_]]:
    """AUC within each user, equal predictions counting half.

    Args:
        predictions: float [E].
        labels: bool [E].
        users: int [E], from 0 to U - 1.

    Returns:
        float64 [U], 0 where undefined, and bool [U], whether the user has both labels.

    Example:
        >>> import numpy as np
        >>> user_areas(np.array([0.1, 0.9]), np.array([False, True]), np.array([0, 0]))
        (array([1.]), array([ True]))
    """
    order = np.lexsort((predictions, users))
    value, owner = predictions[order], users[order]
    # Places from 1 within each user; equal predictions share the mean of theirs.
    first = np.concatenate([[True], owner[1:] != owner[:-1]])
    group = np.cumsum(first | np.concatenate([[True], value[1:] != value[:-1]])) - 1
    size = np.bincount(group)
    place = np.arange(len(order)) - np.flatnonzero(first)[np.cumsum(first) - 1] + 1
    shared = (np.bincount(group, place) / size)[group]
    liked = labels[order].astype(np.float64)
    positives = np.bincount(owner, liked)
    negatives = np.bincount(owner, 1 - liked)
    won = np.bincount(owner, shared * liked) - positives * (positives + 1) / 2
    both = (positives > 0) & (negatives > 0)
    return np.where(both, won / np.maximum(positives * negatives, 1), 0.0), both


def equal_count_bins(predictions: Floats, bins: int) -> Ints:
    """Bins with about equally many predictions each; equal ones never lie in two.

    A value goes where its first place in the sorted order lies, so that a value which many share
    fills one bin and leaves the next ones empty.

    Example:
        >>> import numpy as np
        >>> equal_count_bins(np.array([0.1, 0.2, 0.2, 0.9]), 2).tolist()
        [0, 0, 0, 1]
    """
    first = np.searchsorted(np.sort(predictions), predictions, side="left")
    return (first * bins) // len(predictions)


def _ndcg(pairs: Pairs, predictions: Floats) -> dict[str, Statistic]:
    # A negative gain would leave the range from 0 to 1 and mean nothing.
    if pairs.truth.min() < 0:
        return {}
    rows, values = request_ndcg(pairs.truth, predictions, pairs.requests)
    if not len(rows):
        return {}
    owners = pairs.users[np.searchsorted(pairs.requests, rows)]
    size = int(pairs.users.max()) + 1
    return {
        "ndcg": RatioOfSums(_sums(owners, values, size), _sums(owners, np.ones(len(rows)), size))
    }


def _sums(users: Ints, values: Floats, size: int = 0) -> Floats:
    return np.bincount(users, values, minlength=size).astype(np.float64)
