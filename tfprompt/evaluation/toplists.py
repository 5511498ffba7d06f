"""The k best candidates of each request, for what a single rank cannot tell (coverage)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def top_lists(candidates: NDArray[Any], k: int) -> NDArray[np.int32]:
    """The k best items of each row, best first; equal scores by catalog index.

    Unlike a rank, a list knows no target, so its ties cannot be broken against one; the lower
    index wins, which makes the lists reproducible.

    Args:
        candidates: float [B, N], NaN where an item is not a candidate
            (`ranking.candidate_scores`).
        k: length of the lists.

    Returns:
        int32 [B, k], catalog indexes; -1 past the end where a request has fewer candidates.

    Example:
        >>> import numpy as np
        >>> top_lists(np.array([[0.1, 0.7, np.nan, 0.7]]), 3).tolist()
        [[1, 3, 0]]
    """
    lists = np.full([len(candidates), k], -1, np.int32)
    size = candidates.shape[1]
    for row, list_ in zip(candidates, lists, strict=True):
        falling = -row
        if k < size:
            # The value at place k splits the row: all below it are in, ties fill the rest.
            edge = np.partition(falling, k - 1)[k - 1]
            if np.isnan(edge):
                best = np.flatnonzero(~np.isnan(falling))
            else:
                best = np.flatnonzero(falling < edge)
                tied = np.flatnonzero(falling == edge)[: k - len(best)]
                best = np.sort(np.concatenate([best, tied]))
        else:
            best = np.flatnonzero(~np.isnan(falling))
        list_[: len(best)] = best[np.argsort(falling[best], kind="stable")]
    return lists
