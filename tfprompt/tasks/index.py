"""The searchable catalog of a served model."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfprompt.tasks._tfrs import tfrs


class CatalogIndex(tf.Module):
    """Exact top-k over the catalog by the TFRS `BruteForce` layer, without excluded items.

    Args:
        candidates: `[N, D]`, the candidates of all N items.

    Example:
        >>> index = CatalogIndex(np.eye(3, dtype="float32"))
        >>> scores, rows = index(tf.constant([[0.1, 0.9, 0.5]]), tf.constant([[1]]), k=2)
        >>> rows.numpy().tolist()
        [[2, 0]]
    """

    def __init__(self, candidates: np.ndarray) -> None:
        super().__init__(name="catalog_index")
        self.count = int(candidates.shape[0])
        self.brute_force = tfrs.layers.factorized_top_k.BruteForce()
        self.brute_force.index(tf.constant(candidates, tf.float32), tf.range(self.count))

    def __call__(
        self, queries: tf.Tensor, excluded: tf.Tensor, k: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The k best items of each query.

        Args:
            queries: `[B, D]`.
            excluded: int `[B, E]`, catalog rows that are no candidates; negative ones are padding.
            k: number of results, at most N.

        Returns:
            Scores `[B, k]`, best first, and catalog rows `[B, k]`. Where fewer than k items
            remain, the row is -1 and the score the lowest float.
        """
        # Only the E excluded items can push results down, so k + E of them always suffice.
        wanted = tf.minimum(k + tf.shape(excluded)[1], self.count)
        scores, rows = self.brute_force(queries, k=wanted)
        hit = tf.reduce_any(rows[:, :, tf.newaxis] == excluded[:, tf.newaxis, :], axis=2)
        scores = tf.where(hit, scores.dtype.min, scores)
        scores, places = tf.math.top_k(scores, k=k)
        rows = tf.gather(rows, places, batch_dims=1)
        return scores, tf.where(scores > scores.dtype.min, rows, -1)
