"""What a user thought of similar items, as a start for a prompted correction."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError

# Similarities beyond this would drown all other neighbours in float32.
_BOUND = 8.0
# Ids start small, as their other reader wants them; at weight 1 they had not become similarities
# when the rest was trained (MovieLens-100K, bias and neighbours alone, validation RMSE after three
# epochs .9437 against .9397 at 6; at 25 they overfit from the second on).
_ID_WEIGHT = 6.0


@keras.saving.register_keras_serializable("tfprompt")
class RatedNeighbours(keras.layers.Layer):
    """A shrunk mean of past residuals, weighted by a trained similarity of items.

    Item-kNN with a similarity that is learned rather than counted: of two items' texts, in a
    projection of rank R, and of their low-rank ids. Because texts have a say, an item that nobody
    has rated yet has neighbours too.

    Args:
        rank: width R of the space in which texts are compared.
        dropout: rate of dropout on ids, while training.
        seed: seed of initial values and dropout.

    Call arguments:
        candidates: pair of text vectors `[B, Q, V]` and ids `[B, Q, r]` or None.
        history: the same of past items, `[B, H, V]` and `[B, H, r]` or None.
        residuals: `[B, H]`, what user and item leave unexplained of past ratings; NaN for none.
        moments: int `[B, Q]`, how many items of the history each candidate may use.

    Output shape: `[B, Q]`, in the unit of the residuals.

    Raises:
        ConfigError: a rank below 1.

    Example:
        >>> layer = RatedNeighbours(rank=2)
        >>> one = keras.ops.ones((1, 1, 4))
        >>> unrated, moments = keras.ops.array([[float("nan")]]), keras.ops.array([[1]])
        >>> nothing = layer((one, one), (one, one), unrated, moments)
        >>> keras.ops.convert_to_numpy(nothing).tolist()
        [[0.0]]

    Reference:
        Koren, 2010, "Factor in the Neighbors", for neighbours learned beside biases.
    """

    def __init__(self, rank: int = 64, dropout: float = 0.2, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if rank < 1:
            raise ConfigError(f"A similarity has a rank of 1 or more. Received: {rank}.")
        self.rank = rank
        self.dropout_rate = dropout
        self.seed = seed
        self.dropout = keras.layers.Dropout(dropout, seed=seed)

    def build(self, candidates_shape: Any, *_: Any) -> None:
        """Creates the projection `[V, R]`, both weights, the shrinkage and the gain."""
        width = candidates_shape[0][-1]
        has_ids = len(candidates_shape) > 1 and candidates_shape[1] is not None
        self.projection = self.add_weight(
            shape=(width, self.rank),
            initializer=keras.initializers.RandomNormal(stddev=width**-0.5, seed=self.seed),
            name="projection",
        )
        constants = keras.initializers.Constant
        self.text_weight = self.add_weight(shape=(), initializer=constants(1.0), name="text_weight")
        self.id_weight = (
            self.add_weight(shape=(), initializer=constants(_ID_WEIGHT), name="id_weight")
            if has_ids
            else None
        )
        self.log_shrinkage = self.add_weight(
            shape=(), initializer=constants(3.0), name="log_shrinkage"
        )
        self.gain = self.add_weight(shape=(), initializer=constants(1.0), name="gain")
        self.built = True

    def call(
        self,
        candidates: tuple[Any, Any],
        history: tuple[Any, Any],
        residuals: Any,
        moments: Any,
        training: bool | None = None,
    ) -> Any:
        """The weighted mean `[B, Q]`."""
        similarity = self.text_weight * ops.matmul(
            self._project(candidates[0]), ops.transpose(self._project(history[0]), (0, 2, 1))
        )
        if candidates[1] is not None:
            own = self.dropout(candidates[1], training=training)
            past = self.dropout(history[1], training=training)
            alike = ops.matmul(own, ops.transpose(past, (0, 2, 1)))
            similarity = similarity + self.id_weight * alike
        residuals = ops.cast(residuals, similarity.dtype)
        known = ops.logical_not(ops.isnan(residuals))
        # NaN must not reach the product.
        values = ops.where(known, residuals, ops.zeros_like(residuals))
        place = ops.arange(ops.shape(values)[1], dtype="int32")
        before = place < ops.expand_dims(ops.cast(moments, "int32"), -1)  # [B, Q, H]
        used = ops.cast(ops.logical_and(before, ops.expand_dims(known, 1)), similarity.dtype)
        weights = ops.exp(ops.clip(similarity, -_BOUND, _BOUND)) * used
        total = ops.sum(weights, axis=-1) + ops.exp(self.log_shrinkage)
        return self.gain * ops.sum(weights * ops.expand_dims(values, 1), axis=-1) / total

    def _project(self, vectors: Any) -> Any:
        """Texts in the space where they are compared, of unit length; zeros stay zero."""
        projected = ops.matmul(vectors, self.projection)
        square = ops.sum(ops.square(projected), axis=-1, keepdims=True)
        return projected * ops.rsqrt(square + 1e-12)

    def compute_output_shape(self, candidates_shape: Any, *_: Any) -> Any:
        """Shape `[B, Q]`."""
        return candidates_shape[0][:-1]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "rank": self.rank,
            "dropout": self.dropout_rate,
            "seed": self.seed,
        }
