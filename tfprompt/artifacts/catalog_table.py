"""Vectors of all items inside an artifact, in four, two or one byte a number."""

from __future__ import annotations

from typing import Literal

import numpy as np
import tensorflow as tf

from tfprompt.errors import ExportError

CatalogType = Literal["float32", "bfloat16", "int8"]
TYPES: tuple[CatalogType, ...] = ("float32", "bfloat16", "int8")


class CatalogTable(tf.Module):
    """A table `[N, W]` whose N another catalog may change without a new graph.

    "int8" keeps a scale for each row, so that the largest number of a row is ±127 of it. Scores
    are computed in float32 whatever is stored: a CPU has no faster product for the other types,
    so they save memory and disk, not time.

    Args:
        values: `[N, W]`.
        dtype: what is stored: "float32", "bfloat16" or "int8".
        name: of the module.

    Raises:
        ExportError: another type.

    Example:
        >>> table = CatalogTable(np.array([[1.0, -0.5], [0.0, 2.0]], "float32"), "int8")
        >>> table.scores(tf.constant([[1.0, 1.0]])).numpy().round(2).tolist()
        [[0.5, 2.0]]
    """

    def __init__(
        self, values: np.ndarray, dtype: CatalogType = "float32", name: str = "table"
    ) -> None:
        super().__init__(name=name)
        if dtype not in TYPES:
            raise ExportError(f"A catalog is stored as one of {TYPES}. Received: {dtype!r}.")
        self.width = int(values.shape[1])
        stored, scales = stored_values(values, dtype)
        self.values = tf.Variable(
            stored, trainable=False, shape=[None, self.width], name=f"{name}_values"
        )
        self.scales = (
            None
            if scales is None
            else tf.Variable(scales, trainable=False, shape=[None], name=f"{name}_scales")
        )

    def take(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows int `[...]` as float32 `[..., W]`; zeros for a negative one."""
        present = tf.cast(rows >= 0, tf.float32)
        rows = tf.maximum(rows, 0)
        vectors = tf.cast(tf.gather(self.values, rows), tf.float32)
        if self.scales is not None:
            present *= tf.gather(self.scales, rows)
        return vectors * present[..., tf.newaxis]

    def scores(self, queries: tf.Tensor) -> tf.Tensor:
        """Products with all rows: `[B, W]` in, `[B, N]` out."""
        # Read once: the variable itself has no type that a product takes.
        values = tf.cast(tf.convert_to_tensor(self.values), tf.float32)
        scores = tf.matmul(queries, values, transpose_b=True)
        return scores if self.scales is None else scores * self.scales


def stored_values(values: np.ndarray, dtype: CatalogType) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Values `[N, W]` as they are stored, and the scales `[N]` of "int8".

    Example:
        >>> stored, scales = stored_values(np.array([[0.5, -1.0]], "float32"), "int8")
        >>> stored.numpy().tolist(), round(float(scales[0]), 4)
        ([[64, -127]], 0.0079)
    """
    values = np.asarray(values, np.float32)
    if dtype != "int8":
        return tf.cast(values, tf.as_dtype(dtype)), None
    scales = np.abs(values).max(axis=1, initial=0.0) / 127
    whole = np.rint(values / np.where(scales > 0, scales, 1)[:, None])
    return tf.constant(whole.astype(np.int8)), tf.constant(scales.astype(np.float32))
