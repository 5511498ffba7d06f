"""Whether a candidate fits what was read of it beside the history."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class Interaction(keras.layers.Layer):
    """A low-rank product of a read-out and the candidate it is about, one number each.

    A linear head adds up what was read; a rating asks whether two things fit each other, which
    is a product, as in matrix factorisation. It starts at zero.

    Args:
        rank: width R of the space in which they are compared.
        seed: seed of initial values.

    Call arguments:
        states: what was read `[..., D]`.
        candidates: the candidates `[..., D]`.

    Output shape: `[...]`.

    Raises:
        ConfigError: a rank below 1.

    Example:
        >>> fits = Interaction(rank=4)
        >>> float(fits(keras.ops.ones((1, 8)), keras.ops.ones((1, 8)))[0])
        0.0
    """

    def __init__(self, rank: int = 64, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if rank < 1:
            raise ConfigError(f"An interaction has a rank of 1 or more. Received: {rank}.")
        self.rank = rank
        self.seed = seed

    def build(self, states_shape: Any, candidates_shape: Any = None) -> None:
        """Creates both projections `[D, R]`."""
        width = states_shape[-1]
        self.of_state = self.add_weight(
            shape=(width, self.rank), initializer="zeros", name="of_state"
        )
        self.of_candidate = self.add_weight(
            shape=(width, self.rank),
            initializer=keras.initializers.GlorotNormal(seed=self.seed),
            name="of_candidate",
        )
        self.built = True

    def call(self, states: Any, candidates: Any) -> Any:
        """`[..., D]` and `[..., D]` to `[...]`."""
        left = ops.matmul(states, self.of_state)
        right = ops.matmul(candidates, self.of_candidate)
        return ops.sum(left * right, axis=-1)

    def compute_output_shape(self, states_shape: Any, candidates_shape: Any = None) -> Any:
        """Shape `[...]`."""
        return states_shape[:-1]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "rank": self.rank, "seed": self.seed}
