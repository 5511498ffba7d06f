"""Two opinions of the same candidates as one score."""

from __future__ import annotations

from typing import Any

from keras import ops


def blend_scores(first: Any, second: Any, weight: float, valid: Any) -> Any:
    """A weighted mean of two scores, each standardised over the request's own candidates.

    A retriever's cosines and a ranker's logits have no scale in common; what they have in common
    is how far a candidate stands out among those of its request.

    Args:
        first: `[B, C]`.
        second: `[B, C]`.
        weight: of the second, from 0 to 1.
        valid: bool `[B, C]`, False for padding.

    Returns:
        `[B, C]`; the lowest float32 where `valid` is false.

    Example:
        >>> first, second = ops.array([[3.0, 1.0]]), ops.array([[10.0, 30.0]])
        >>> valid = ops.ones((1, 2), "bool")
        >>> ops.convert_to_numpy(blend_scores(first, second, 0.25, valid)).tolist()
        [[0.5, -0.5]]
    """
    real = ops.cast(valid, "float32")
    count = ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)

    def standard(values: Any) -> Any:
        values = ops.where(valid, ops.cast(values, "float32"), 0.0)
        mean = ops.sum(values, axis=1, keepdims=True) / count
        centred = (values - mean) * real
        variance = ops.sum(ops.square(centred), axis=1, keepdims=True) / count
        return centred * ops.rsqrt(variance + 1e-12)

    blended = (1 - weight) * standard(first) + weight * standard(second)
    return ops.where(valid, blended, -3.4028235e38)
