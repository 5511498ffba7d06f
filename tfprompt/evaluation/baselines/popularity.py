"""The baseline that every recommender must beat: the same list for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences


class Popularity:
    """Scores an item by its number of training interactions.

    Args:
        train: the training part; nothing of the evaluation part is counted.

    Example:
        `evaluate(Popularity(split.train), split.test, baselines=False)["hr@10"]`
    """

    name = "popularity"

    def __init__(self, train: Sequences) -> None:
        """Counts."""
        self._counts = np.asarray(train.counts(), np.float32)  # [N], exact below 2**24
        self.settings: dict[str, Any] = {}

    def scores(self, requests: Requests, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of all items.

        Args:
            requests: the evaluation part.
            rows: int [B].

        Returns:
            float32 [B, N], the same row B times (a read-only view).
        """
        return np.broadcast_to(self._counts, (len(rows), len(self._counts)))
