"""Measures as functions of how often each user counts, so that a bootstrap is a few products.

A measure over all pairs is a sum over users, or a function of such sums. Each class here keeps
those sums and gives the measure for any weights of the users; weights of one are the measure
itself, and the draws of a bootstrap are its resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # weights of the users [B, U] → the measure [B]


@dataclass(frozen=True, eq=False)
class RatioOfSums:
    """Sum of `top` over sum of `bottom`, and the square root of that if `root`.

    NaN where no user with anything in `bottom` is drawn.

    Args:
        top: float [U], what each user contributes.
        bottom: float [U], how much of it there is (pairs, requests, 1).
        root: for a root mean square.

    Example:
        >>> import numpy as np
        >>> mean = RatioOfSums(np.array([3.0, 1.0]), np.array([1.0, 1.0]))
        >>> mean(np.array([[1.0, 1.0], [2.0, 0.0]])).tolist()
        [2.0, 3.0]
    """

    top: Floats
    bottom: Floats
    root: bool = False

    def __call__(self, weights: Floats) -> Floats:
        """The measure for weights [B, U], float64 [B]."""
        bottom = weights @ self.bottom
        ratio = (weights @ self.top) / np.where(bottom > 0, bottom, np.nan)
        return np.sqrt(ratio) if self.root else ratio


@dataclass(frozen=True, eq=False)
class BinnedGap:
    """Sum over bins of the absolute sum of gaps, per pair: an expected calibration error.

    The bins stay those of all pairs in every resample.

    Args:
        gaps: float [U, bins], each user's sum of label minus prediction in each bin.
        pairs: float [U], each user's number of pairs.

    Example:
        >>> import numpy as np
        >>> BinnedGap(np.array([[0.5, -0.5], [0.5, 0.0]]), np.array([2.0, 1.0]))(np.ones([1, 2]))
        array([0.5])
    """

    gaps: Floats
    pairs: Floats

    def __call__(self, weights: Floats) -> Floats:
        """The measure for weights [B, U], float64 [B]."""
        error: Floats = np.abs(weights @ self.gaps).sum(axis=1) / (weights @ self.pairs)
        return error


class GlobalAUC:
    """Area under the ROC curve over all pairs of a positive and a negative, whoever's they are.

    The share of such pairs in which the positive has the higher prediction, equal ones counting
    half (Mann and Whitney 1947). A pair of entries of users drawn a and b times counts a times b.
    Entries are sorted once; each resample is one running sum over the negatives, O(E).

    Args:
        predictions: float [E].
        labels: bool [E].
        users: int [E], from 0 to U - 1.

    Example:
        >>> import numpy as np
        >>> auc = GlobalAUC([0.2, 0.7, 0.7], np.array([False, True, False]), np.array([0, 0, 1]))
        >>> auc(np.ones([1, 2])).tolist()
        [0.75]
    """

    def __init__(self, predictions: Any, labels: Any, users: Any) -> None:
        predictions, labels, users = map(np.asarray, (predictions, labels, users))
        order = np.argsort(predictions, kind="stable")
        positive = order[labels[order]]
        negative = order[~labels[order]]
        self._of_positive, self._of_negative = users[positive], users[negative]
        below = predictions[negative]
        # How many negatives lie below each positive, and how many do or are equal to it.
        self._below = np.searchsorted(below, predictions[positive], side="left")
        self._reached = np.searchsorted(below, predictions[positive], side="right")

    def __call__(self, weights: Floats) -> Floats:
        """The measure for weights [B, U], float64 [B]; NaN where one label is not drawn."""
        values = np.full(len(weights), np.nan)
        passed = np.zeros(len(self._of_negative) + 1)
        for row, weight in enumerate(weights):
            np.cumsum(weight[self._of_negative], out=passed[1:])
            of_positive = weight[self._of_positive]
            total = of_positive.sum() * passed[-1]
            if total > 0:
                won = of_positive @ (passed[self._below] + passed[self._reached])
                values[row] = 0.5 * won / total
        return values
