"""How much each weight matters to the loss, measured over the steps of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


class Importance(keras.layers.Layer):
    """Smoothed sensitivity |w ∂w| of weights, and how much it varies.

    Args:
        sensitivity_decay: β₁ of the smoothed sensitivity.
        uncertainty_decay: β₂ of the smoothed deviation from it.

    Raises:
        ConfigError: a decay that is not between 0 and 1.

    Example:
        >>> importance = Importance(0.5, 0.5)
        >>> importance.build([(2,)])
        >>> weight = keras.Variable([2.0, 1.0])
        >>> importance.update([weight], [keras.ops.array([1.0, 0.0])])
        >>> keras.ops.convert_to_numpy(importance.score(0)).tolist()
        [0.5, 0.0]

    Reference:
        Zhang et al., 2023, AdaLoRA, equations 8 to 11.
    """

    def __init__(
        self, sensitivity_decay: float = 0.85, uncertainty_decay: float = 0.85, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < sensitivity_decay < 1 or not 0 < uncertainty_decay < 1:
            raise ConfigError(
                "The decays of an importance are between 0 and 1. Received: "
                f"sensitivity_decay={sensitivity_decay}, uncertainty_decay={uncertainty_decay}."
            )
        self.sensitivity_decay = sensitivity_decay
        self.uncertainty_decay = uncertainty_decay

    def build(self, shapes: Sequence[Any]) -> None:
        """Creates the running means of weights of these shapes."""
        options = {
            "initializer": "zeros", "trainable": False, "aggregation": "only_first_replica",
        }  # fmt: skip
        self.sensitivity = [
            self.add_weight(shape=tuple(shape), name=f"sensitivity_{place}", **options)
            for place, shape in enumerate(shapes)
        ]
        self.uncertainty = [
            self.add_weight(shape=tuple(shape), name=f"uncertainty_{place}", **options)
            for place, shape in enumerate(shapes)
        ]
        self.built = True

    def update(self, weights: Sequence[keras.Variable], gradients: Sequence[Any]) -> None:
        """Takes in a step."""
        first, second = self.sensitivity_decay, self.uncertainty_decay
        for place, (weight, gradient) in enumerate(zip(weights, gradients, strict=True)):
            now = ops.abs(weight.value * gradient)
            smooth = first * self.sensitivity[place].value + (1 - first) * now
            varies = second * self.uncertainty[place].value + (1 - second) * ops.abs(now - smooth)
            self.sensitivity[place].assign(smooth)
            self.uncertainty[place].assign(varies)

    def score(self, place: int) -> Any:
        """Importance of each number of a weight, in the weight's shape."""
        return self.sensitivity[place].value * self.uncertainty[place].value
