"""A soft prompt that depends on who asks: what all share, and a small difference."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers.soft_prompt import SoftPrompt


@keras.saving.register_keras_serializable("tfprompt")
class PersonalPrompt(SoftPrompt):
    """`base + lift(code)`: vectors of everybody, moved by what is known of one person.

    A code of zeros, that of an unknown person, gives the base alone. So that the base is a good
    answer, training hides some codes.

    Args:
        length: number of vectors P.
        width: their width D.
        rank: length R of a code; R·P·D numbers lift it.
        drop_rate: share of the codes that are zeros in training.
        initializer: of the base, see `SoftPrompt`.
        seed: seed of the lift's initial values and of the hiding.

    Call arguments:
        codes: `[B, R]`, from a `ValueCode` or `HistoryCode`.

    Output shape: `[B, P, D]`.

    Raises:
        ConfigError: a rank below 1, or a drop rate outside 0 … 1.

    Example:
        >>> prompt = PersonalPrompt(length=2, width=4, rank=3)
        >>> tuple(prompt(keras.ops.zeros((5, 3))).shape)
        (5, 2, 4)

    References:
        Li et al., 2023, "Personalized Prompt Learning for Explainable Recommendation" (PEPLER);
        Wu et al., 2022, "Personalized Prompt for Sequential Recommendation" (prompts from
        profiles); Geng et al., 2022 (P5).
    """

    def __init__(
        self,
        length: int,
        width: int,
        rank: int = 8,
        drop_rate: float = 0.2,
        initializer: Any = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(length, width, initializer, **kwargs)
        if rank < 1 or not 0 <= drop_rate < 1:
            raise ConfigError(
                "A personal prompt has a rank of 1 or more and hides a share below 1 of its codes. "
                f"Received: rank={rank}, drop_rate={drop_rate}."
            )
        self.rank = rank
        self.drop_rate = drop_rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any = None) -> None:
        """Creates the base `[P, D]` and the lift `[R, P·D]`."""
        super().build(input_shape)
        # Codes start at zero, so the lift must not: one of the two has to let gradients through.
        self.lift = self.add_weight(
            shape=(self.rank, self.length * self.width),
            initializer=keras.initializers.RandomNormal(stddev=self.rank**-0.5, seed=self.seed),
            name="lift",
        )

    def call(self, codes: Any, training: bool | None = None) -> Any:
        """`[B, R]` to `[B, P, D]`."""
        if training and self.drop_rate:
            draw = keras.random.uniform((ops.shape(codes)[0], 1), seed=self.seed_generator)
            codes = codes * ops.cast(draw >= self.drop_rate, codes.dtype)
        moved = ops.reshape(ops.matmul(codes, self.lift), (-1, self.length, self.width))
        return ops.expand_dims(self.prompt, 0) + moved

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "rank": self.rank,
            "drop_rate": self.drop_rate,
            "seed": self.seed,
        }
