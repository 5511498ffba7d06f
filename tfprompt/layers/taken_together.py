"""How often the users of past items took a candidate too, as a start for a prompted correction."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError

# The weight of the sum before training; similarities are mostly below 0.3, so that the best of
# many candidates starts a few logits ahead.
_GAIN = 5.0


@keras.saving.register_keras_serializable("tfprompt")
class TakenTogether(keras.layers.Layer):
    """Sums, over the history, how similar its items are to a candidate by their users.

    Item-kNN inside a model: with n_i users of item i and c_ij users of both, the similarity is
    `c_ij / (sqrt(n_i · n_j) + shrinkage)`, kept for each item's nearest ones. They are measured on
    the training part (`adapt`); one number, the weight of the sum, is trained.

    Args:
        count: number of items N.
        neighbours: similar items K that are kept of each item.
        shrinkage: pulls similarities that rest on few users towards zero.
        decay: what an item counts less for each newer one in the history, above 0, at most 1.

    Call arguments:
        rows: int `[B, Q]`, the candidates' catalog rows, negative for padding.
        history: int `[B, H]`, catalog rows, negative for padding.
        moments: int `[B, Q]`, how many items of the history each candidate may use.
        own: float `[B, Q]`, 1 where the user took the candidate in training, else 0. Given in
            training alone: then similarities are those without this user, who would otherwise be
            the reason for what is to be predicted.

    Output shape: `[B, Q]`.

    Raises:
        ConfigError: a setting out of range.

    Example:
        >>> together = TakenTogether(count=3, neighbours=1)
        >>> near, similarity = np.array([[2], [0], [0]]), np.array([[0.5], [0.2], [0.5]])
        >>> together.adapt(near, similarity, users=np.array([4, 4, 4]))
        >>> rows, history = ops.array([[1, 2]]), ops.array([[0]])
        >>> ops.convert_to_numpy(together(rows, history, ops.array([[1, 1]]))).tolist()
        [[0.0, 2.5]]

    Reference:
        Deshpande and Karypis, 2004, "Item-Based Top-N Recommendation Algorithms".
    """

    def __init__(
        self,
        count: int,
        neighbours: int = 100,
        shrinkage: float = 10.0,
        decay: float = 0.6,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if count < 1 or neighbours < 1 or shrinkage < 0 or not 0 < decay <= 1:
            raise ConfigError(
                "Items that are taken together need 1 item and 1 neighbour or more, a shrinkage "
                f"of 0 or more and 0 < decay <= 1. Received: count={count}, "
                f"neighbours={neighbours}, shrinkage={shrinkage}, decay={decay}."
            )
        self.count = count
        self.neighbours = neighbours
        self.shrinkage = shrinkage
        self.decay = decay

    @property
    def width(self) -> int:
        """Columns of the tables: the neighbours, up to a power of two, for the search."""
        return 1 << (min(self.neighbours, max(self.count - 1, 1)) - 1).bit_length()

    def build(self, *_: Any) -> None:
        """Creates the tables `[N, K]` of neighbours, the users of each item, and the weight."""

        def table(name: str, shape: tuple[int, ...], start: Any, dtype: str) -> Any:
            return self.add_weight(
                shape=shape, initializer=start, trainable=False, dtype=dtype, name=name
            )

        # Rows rise; N stands where an item has no further neighbour.
        nobody = keras.initializers.Constant(self.count)
        self.near = table("near", (self.count, self.width), nobody, "int32")
        self.similarity = table("similarity", (self.count, self.width), "zeros", "float32")
        self.users = table("users", (self.count,), "zeros", "float32")
        self.gain = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(_GAIN), name="gain"
        )
        self.built = True

    def adapt(self, near: np.ndarray, similarity: np.ndarray, users: np.ndarray) -> None:
        """Sets the tables.

        Args:
            near: int `[N, k]`, similar items of each item; those of similarity 0 are left out.
            similarity: float `[N, k]`.
            users: `[N]`, how many users each item has.
        """
        if not self.built:
            self.build()
        near = np.where(similarity > 0, near, self.count)[:, : self.width]
        order = np.argsort(near, axis=1, kind="stable")
        rows = np.full((self.count, self.width), self.count, np.int32)
        values = np.zeros((self.count, self.width), np.float32)
        rows[:, : near.shape[1]] = np.take_along_axis(near, order, axis=1)
        found = np.take_along_axis(similarity[:, : self.width], order, axis=1)
        values[:, : near.shape[1]] = found
        self.near.assign(rows)
        self.similarity.assign(values)
        self.users.assign(np.asarray(users, np.float32))

    def call(self, rows: Any, history: Any, moments: Any, own: Any = None) -> Any:
        """The weighted sum `[B, Q]`."""
        rows, history = ops.cast(rows, "int32"), ops.cast(history, "int32")
        real = history >= 0
        candidate = ops.expand_dims(ops.maximum(rows, 0), 2)  # [B, Q, 1]
        past = ops.expand_dims(ops.maximum(history, 0), 1)  # [B, 1, H]
        near, flat = ops.reshape(self.near, (-1,)), ops.reshape(self.similarity, (-1,))
        # A binary search for each candidate among the neighbours of each past item.
        place = ops.zeros_like(candidate) + past * self.width
        step = self.width // 2
        while step:
            smaller = ops.take(near, place + (step - 1)) < candidate
            place = place + step * ops.cast(smaller, "int32")
            step //= 2
        found = ops.equal(ops.take(near, place), candidate)
        similarity = ops.where(found, ops.take(flat, place), 0.0)
        if own is not None:
            similarity = self._without(similarity, candidate, past, ops.expand_dims(own, 2))
        age = ops.expand_dims(ops.cast(moments, "int32"), 2) - 1 - ops.arange(ops.shape(past)[2])
        used = ops.logical_and(age >= 0, ops.expand_dims(real, 1))
        weight = ops.power(float(self.decay), ops.cast(ops.maximum(age, 0), similarity.dtype))
        return self.gain * ops.sum(ops.where(used, similarity * weight, 0.0), axis=2)

    def _without(self, similarity: Any, candidate: Any, past: Any, own: Any) -> Any:
        """The similarities `[B, Q, H]` as they were without one user, who has all of `past`."""
        of_candidate, of_past = ops.take(self.users, candidate), ops.take(self.users, past)
        both = similarity * (ops.sqrt(of_candidate * of_past) + self.shrinkage)
        both = ops.maximum(both - ops.cast(own, both.dtype), 0.0)
        # Counts are whole; what rounding leaves of none must not count.
        both = ops.where(both < 0.5, 0.0, both)
        left = ops.maximum(of_candidate - ops.cast(own, both.dtype), 0.0)
        left = left * ops.maximum(of_past - 1.0, 0.0)
        return both / ops.maximum(ops.sqrt(left) + self.shrinkage, 1e-6)

    def compute_output_shape(self, rows_shape: Any, *_: Any) -> Any:
        """Shape `[B, Q]`."""
        return rows_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "count": self.count,
            "neighbours": self.neighbours,
            "shrinkage": self.shrinkage,
            "decay": self.decay,
        }
