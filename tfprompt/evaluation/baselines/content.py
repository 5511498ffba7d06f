"""How far the frozen text alone gets, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfprompt.errors import ConfigError
from tfprompt.evaluation._flat import row_of_each, take_rows

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests

# Inside the square root, so that a zero vector stays zero instead of NaN.
_EPSILON = 1e-12


class ContentSimilarity:
    """Cosine between the mean vector of the history and every item's vector.

    The vectors are those of the frozen encoder, untrained. A user without history scores 0 for
    every item: all tie, so nothing is a hit.

    Args:
        vectors: float [N, D], one per item of the catalog, finite.

    Raises:
        ConfigError: `vectors` is not [N, D] or not finite.

    Example:
        `evaluate(ContentSimilarity(vectors), split.test, baselines=False)["ndcg@10"]`
    """

    name = "content"

    def __init__(self, vectors: ArrayLike) -> None:
        """Normalises the item vectors once."""
        self._vectors = np.asarray(vectors, np.float32)
        if self._vectors.ndim != 2 or not np.isfinite(self._vectors).all():
            raise ConfigError(
                "`vectors` must be finite numbers [N, D], one row per item. Received: shape "
                f"{self._vectors.shape}. Pass the encoder's item vectors."
            )
        self._units = _normalised(self._vectors)
        self.settings: dict[str, Any] = {"dimensions": int(self._vectors.shape[1])}

    def scores(self, requests: Requests, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of all items.

        Args:
            requests: the evaluation part; every item of a history counts alike.
            rows: int [B].

        Returns:
            float32 [B, N], cosines from -1 to 1.
        """
        items, offsets = take_rows(requests.histories, requests.history_offsets, rows)
        sums = np.zeros([len(rows), self._vectors.shape[1]], np.float32)
        np.add.at(sums, row_of_each(offsets), self._vectors[items])
        # The sum points where the mean points; the cosine needs no more.
        cosines: NDArray[np.float32] = _normalised(sums) @ self._units.T
        return cosines


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    squared = np.sum(np.square(vectors), axis=1, keepdims=True)
    units: NDArray[np.float32] = vectors / np.sqrt(squared + _EPSILON)
    return units
