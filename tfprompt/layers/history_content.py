"""What a history is about, without anything trained."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfprompt.layers.whitening import unit_length

# Share that an item keeps with each newer one: about the newest twenty count.
DECAY = 0.95


def history_content(vectors: Any, mask: Any, every_position: bool, decay: float = DECAY) -> Any:
    """The decayed mean of a history's text vectors, scaled to length 1.

    Args:
        vectors: `[B, H, V]`, oldest first, left-aligned.
        mask: bool `[B, H]`, False for padding.
        every_position: one row for every step, step 0 before the first item.
        decay: weight of an item against the next newer one.

    Returns:
        `[B, V]`, or `[B, H+1, V]`; zeros where there is no item yet.

    Example:
        >>> one = ops.ones((1, 2, 3))
        >>> tuple(history_content(one, ops.ones((1, 2), "bool"), every_position=True).shape)
        (1, 3, 3)
    """
    mask = ops.cast(mask, vectors.dtype)
    vectors = vectors * ops.expand_dims(mask, -1)
    length = ops.shape(vectors)[1]
    place = ops.cast(ops.arange(length), vectors.dtype)
    if not every_position:
        newest = ops.sum(mask, axis=1, keepdims=True) - 1
        age = ops.maximum(newest - ops.expand_dims(place, 0), 0)
        weights = ops.expand_dims(ops.power(decay, age), -1)
        return unit_length(ops.sum(vectors * weights, axis=1))
    # Row t of the matrix holds the weights of items 0 … t-1 after t items.
    step = ops.cast(ops.arange(length + 1), vectors.dtype)
    age = ops.expand_dims(step, 1) - 1 - ops.expand_dims(place, 0)
    weights = ops.where(age >= 0, ops.power(decay, ops.maximum(age, 0)), ops.zeros_like(age))
    return unit_length(ops.matmul(weights, vectors))
