"""A small network behind each layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers.tuning.base import Tuning


@keras.saving.register_keras_serializable("tfprompt")
class Adapter(Tuning):
    """Adds a bottleneck behind each upper layer: x + up(gelu(down(x))).

    The projection up starts at zero, so that an untrained adapter is the identity.

    Args:
        width: of the bottleneck.
        seed: seed of the projection down; None takes the encoder's.
        name: part of the names of its weights.

    Raises:
        ConfigError: a width below 1.

    Example:
        encoder = tp.PromptedEncoder(loaded, template, tuning=Adapter(16))

    References:
        Houlsby et al., 2019, "Parameter-Efficient Transfer Learning for NLP", section 2.1;
        Pfeiffer et al., 2021, "AdapterFusion" (one adapter a layer).
    """

    method = "adapter"

    def __init__(
        self,
        width: int = 16,
        *,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, name=name, **kwargs)
        if width < 1:
            raise ConfigError(f"A bottleneck has a width of 1 or more. Received: width={width}.")
        self.width = width
        self.down: dict[str, keras.layers.Dense] = {}
        self.up: dict[str, keras.layers.Dense] = {}

    def check(self, weights: Any) -> None:
        """Nothing: every layer has an output."""

    def build(self, input_shape: Any = None) -> None:
        """Creates the two projections of each layer."""
        dimensions = self._place.width
        for number in self._place.numbers:
            start = keras.initializers.GlorotUniform(self.start_seed + number)
            down = keras.layers.Dense(
                self.width, "gelu", kernel_initializer=start, name=f"layer_{number}_down"
            )
            up = keras.layers.Dense(
                dimensions, kernel_initializer="zeros", name=f"layer_{number}_up"
            )
            down.build((None, dimensions))
            up.build((None, self.width))
            self.down[str(number)], self.up[str(number)] = down, up
        self.built = True

    def after(self, number: int, states: Any) -> Any:
        """Each state and what its bottleneck says of it."""
        inside = self.down[str(number)](states)
        return states + ops.cast(self.up[str(number)](inside), states.dtype)

    def options(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON."""
        return {**super().options(), "width": self.width}
