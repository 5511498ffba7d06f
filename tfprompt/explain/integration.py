"""Integrated gradients of any function, along a straight line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

# Points of the line that run together.
_AT_ONCE = 16


class Integral(NamedTuple):
    """What each input is responsible for.

    Attributes:
        shares: for each input `[K, ...]`, without the input's last axis: for each of the K
            outputs, how much the step from start to end changed it.
        start: the outputs at the start `[K]`.
        end: the outputs at the end `[K]`.
    """

    shares: list[np.ndarray]
    start: np.ndarray
    end: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """For each output `[K]`, how far the shares' sum is from the outputs' difference."""
        total = sum(share.reshape(len(share), -1).sum(axis=1) for share in self.shares)
        errors: np.ndarray = np.abs(total - (self.end - self.start))
        return errors


def integrated_gradients(
    function: Callable[..., Any],
    start: Sequence[np.ndarray],
    end: Sequence[np.ndarray],
    steps: int,
) -> Integral:
    """Integrates a function's gradient from `start` to `end` by the Gauss-Legendre rule.

    Args:
        function: takes the inputs with a further axis of n points first, gives `[n, K]`.
        start: the inputs where nothing is said, float `[...]` each.
        end: the inputs as they are, of the same shapes.
        steps: points of the rule.

    Returns:
        The shares. Their sum over all inputs is the difference of the outputs, up to the rule's
        error: completeness.

    Example:
        >>> line = integrated_gradients(
        ...     lambda x: tf.reduce_sum(x, axis=-1, keepdims=True) * 3.0,
        ...     [np.zeros(2, "float32")], [np.array([1.0, 2.0], "float32")], steps=4)
        >>> line.shares[0].round(4).tolist(), line.end.tolist()
        ([9.0], [9.0])

    Reference:
        Sundararajan et al., 2017, "Axiomatic Attribution for Deep Networks", equation 1.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    nodes, weights = (nodes + 1) / 2, weights / 2
    begins = [np.asarray(value, np.float32) for value in start]
    deltas = [np.asarray(b, np.float32) - a for a, b in zip(begins, end, strict=True)]
    shares: list[np.ndarray] | None = None
    for at in range(0, steps, _AT_ONCE):
        along, weight = nodes[at : at + _AT_ONCE], weights[at : at + _AT_ONCE]
        points = [tf.constant(_at(a, d, along)) for a, d in zip(begins, deltas, strict=True)]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(points)
            outputs = function(*points)
            singles = tf.unstack(outputs, axis=1)
        gradients = [
            tape.gradient(single, points, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            for single in singles
        ]
        part = [
            np.stack([
                np.tensordot(weight, (np.asarray(own[n], np.float64) * deltas[n]).sum(-1), 1)
                for own in gradients
            ])
            for n in range(len(points))
        ]  # fmt: skip
        shares = part if shares is None else [a + b for a, b in zip(shares, part, strict=True)]
        del tape
    ends = [
        tf.constant(_at(a, d, np.array([0.0, 1.0]))) for a, d in zip(begins, deltas, strict=True)
    ]
    first, last = np.asarray(function(*ends), np.float64)
    return Integral(shares or [], first, last)


def _at(start: np.ndarray, delta: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Points of the line `[n, ...]`."""
    shape = (-1,) + (1,) * start.ndim
    points: np.ndarray = (start + along.reshape(shape) * delta).astype(np.float32)
    return points
