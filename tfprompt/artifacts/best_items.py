"""The best of a catalog, without those that must not be recommended."""

from __future__ import annotations

import tensorflow as tf


def best_items(
    scores: tf.Tensor, excluded: tf.Tensor, k: int | tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The k best items of each row, exactly.

    TFRS has `BruteForce` for this; its tables have a fixed number of items and one type, where an
    artifact's catalog is replaced and stored in fewer bytes.

    Args:
        scores: of all items `[B, N]`.
        excluded: int32 `[B, E]`, items that are no candidates; negative ones are padding.
        k: number of results, at most N.

    Returns:
        Scores `[B, k]`, best first, and items `[B, k]`. Where fewer than k items remain, the item
        is -1 and the score the lowest float. Of equal scores the first item comes first.

    Example:
        >>> scores, items = best_items(tf.constant([[0.1, 0.9, 0.5]]), tf.constant([[1]]), k=2)
        >>> items.numpy().tolist()
        [[2, 0]]
    """
    # Only the E excluded items can push results down, so k + E of them always suffice.
    wanted = tf.minimum(k + tf.shape(excluded)[1], tf.shape(scores)[1])
    values, items = tf.math.top_k(scores, k=wanted)
    hit = tf.reduce_any(items[:, :, tf.newaxis] == excluded[:, tf.newaxis, :], axis=2)
    values = tf.where(hit, values.dtype.min, values)
    values, places = tf.math.top_k(values, k=k)
    items = tf.gather(items, places, batch_dims=1)
    return values, tf.where(values > values.dtype.min, items, -1)
