"""Item vectors without the direction that they all share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class Whitening(keras.layers.Layer):
    """PCA-whitens vectors with statistics of the catalog, then scales them to unit length.

    Vectors of a sentence encoder crowd a narrow cone: two random films have a cosine of 0.3 or
    more. Whitening spreads them, which a projection would otherwise spend its training on.

    Args:
        width: width D of the vectors.
        shrinkage: added to each variance, as a share of their mean. 0 whitens fully, so that
            directions that the catalog hardly uses count as much as any other; a large value
            leaves the vectors as they are but for the mean.

    Call arguments:
        vectors: `[..., D]`.

    Output shape: `[..., D]`; rows have length 1, a row that equals the mean becomes zero.

    Raises:
        ConfigError: `adapt` got fewer than 2 vectors or another width.

    Example:
        >>> layer = Whitening(width=4)
        >>> layer.adapt(np.random.default_rng(0).normal(size=(50, 4)))
        >>> tuple(layer(np.ones((2, 4))).shape)
        (2, 4)

    Reference:
        Su et al., 2021, "Whitening Sentence Representations for Better Semantics and Faster
        Retrieval".
    """

    def __init__(self, width: int, shrinkage: float = 1.0, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.width = width
        self.shrinkage = shrinkage

    def build(self, input_shape: Any = None) -> None:
        """Creates mean `[D]` and matrix `[D, D]`, which change nothing until `adapt`."""
        self.mean = self.add_weight(
            shape=(self.width,), initializer="zeros", trainable=False, name="mean"
        )
        self.matrix = self.add_weight(
            shape=(self.width, self.width), initializer="identity", trainable=False, name="matrix"
        )
        self.built = True

    def adapt(self, vectors: np.ndarray) -> None:
        """Measures mean and principal directions of `vectors`, `[N, D]`."""
        vectors = np.asarray(vectors, dtype="float64")
        if vectors.ndim != 2 or vectors.shape[0] < 2 or vectors.shape[1] != self.width:
            raise ConfigError(
                f"Whitening needs 2 or more vectors of width {self.width}. "
                f"Received: shape {vectors.shape}."
            )
        if not self.built:
            self.build()
        mean = vectors.mean(axis=0)
        variances, directions = np.linalg.eigh(np.cov(vectors - mean, rowvar=False))
        variances = np.maximum(variances, 0)
        # The last term keeps directions that no vector uses from being blown up to noise.
        scale = 1.0 / np.sqrt(variances + self.shrinkage * variances.mean() + 1e-5)
        self.mean.assign(mean.astype("float32"))
        self.matrix.assign((directions * scale).astype("float32"))

    def call(self, vectors: Any) -> Any:
        """Centres, rotates, scales: `[..., D]` in and out."""
        spread = ops.matmul(ops.subtract(vectors, self.mean), self.matrix)
        return unit_length(spread)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        config.pop("trainable", None)
        return {**config, "width": self.width, "shrinkage": self.shrinkage}


def unit_length(vectors: Any) -> Any:
    """Scales the last axis to length 1; the epsilon inside the root keeps zeros differentiable."""
    squared = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors / ops.sqrt(squared + 1e-12)
