"""Prompts of a pool, found by the request's likeness to their keys."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers.whitening import unit_length


@keras.saving.register_keras_serializable("tfprompt")
class PromptPool(keras.layers.Layer):
    """The N prompts of a pool of M whose keys are nearest to a query.

    What training on one kind of requests changes are the prompts that such requests choose; the
    others stay as they were. That is what makes it forget less when the requests change.

    Args:
        chosen: prompts N of a request.
        each: vectors of a prompt.
        size: prompts M of the pool.
        width: width D of a vector.
        query_width: width Q of queries and keys.
        pull: weight of the loss that draws chosen keys to their queries, `1 - cosine`.
        seed: seed of initial values.

    Call arguments:
        queries: `[B, Q]`, frozen: what the request is like.

    Output shape: `[B, N·each, D]`, the nearest prompt first.

    Raises:
        ConfigError: counts below 1, or more prompts chosen than there are.

    Example:
        >>> pool = PromptPool(chosen=2, each=4, size=10, width=8, query_width=6)
        >>> tuple(pool(keras.ops.ones((3, 6))).shape)
        (3, 8, 8)

    Reference:
        Wang et al., 2022, "Learning to Prompt for Continual Learning" (L2P, equations 3 to 5).
    """

    def __init__(
        self,
        chosen: int,
        each: int,
        size: int,
        width: int,
        query_width: int,
        pull: float = 0.5,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(chosen, each, width, query_width) < 1 or chosen > size:
            raise ConfigError(
                "A pool chooses 1 prompt or more of those it has, each of 1 vector or more. "
                f"Received: {chosen}x{each} of {size}."
            )
        self.chosen = chosen
        self.each = each
        self.size = size
        self.width = width
        self.query_width = query_width
        self.pull = pull
        self.seed = seed

    @property
    def length(self) -> int:
        """Vectors of a request."""
        return self.chosen * self.each

    def build(self, input_shape: Any = None) -> None:
        """Creates prompts `[M, each, D]` and keys `[M, Q]`."""
        self.prompts = self.add_weight(
            shape=(self.size, self.each, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.5, seed=self.seed),
            name="prompts",
        )
        self.keys = self.add_weight(
            shape=(self.size, self.query_width),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=self.seed + 1),
            name="keys",
        )
        self.built = True

    def initialize(self, states: Any) -> None:
        """Starts the prompts from given states `[n, D]`, in order, repeated or cut."""
        if not self.built:
            self.build()
        rows = np.arange(self.size * self.each) % len(states)
        shape = (self.size, self.each, self.width)
        self.prompts.assign(np.asarray(states, np.float32)[rows].reshape(shape))

    def start_keys(self, centres: np.ndarray) -> None:
        """Starts the keys from what requests are like: `[M, Q]`."""
        if not self.built:
            self.build()
        self.keys.assign(np.asarray(centres, np.float32))

    def cosines(self, queries: Any) -> Any:
        """Likeness of queries `[B, Q]` and keys: `[B, M]`."""
        return ops.matmul(unit_length(queries), ops.transpose(unit_length(self.keys)))

    def call(self, queries: Any, training: bool | None = None) -> Any:
        """`[B, Q]` to `[B, N·each, D]`."""
        # What a request is like is given, not trained.
        found, rows = ops.top_k(self.cosines(ops.stop_gradient(queries)), self.chosen)
        if training and self.pull:
            self.add_loss(self.pull * ops.mean(1.0 - found))
        prompts = ops.take(self.prompts, rows, axis=0)
        return ops.reshape(prompts, (-1, self.length, self.width))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int, int]:
        """Shape `[B, N·each, D]`."""
        return (input_shape[0], self.length, self.width)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "chosen": self.chosen,
            "each": self.each,
            "size": self.size,
            "width": self.width,
            "query_width": self.query_width,
            "pull": self.pull,
            "seed": self.seed,
        }
