"""What all methods of tuning have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras

from tfprompt.errors import BackboneError, ConfigError
from tfprompt.layers.tuning.frozen_weights import FrozenWeight, described


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a tuning stands: frozen weights by layer, the layers' numbers and their width D."""

    weights: tuple[FrozenWeight, ...]
    numbers: tuple[int, ...]
    width: int
    family: str


class Tuning(keras.layers.Layer):
    """Trained weights that change what frozen layers compute, and nothing of the layers.

    A tuning either changes weights for as long as a layer runs (`change`), or works on what a
    layer gives (`after`). It starts where the frozen backbone is: untrained, it changes nothing.

    Args:
        seed: seed of initial values; None takes the encoder's.
        name: part of the names of its weights; tunings of one encoder have different ones.

    Raises:
        ConfigError: from `attach`, where it belongs to an encoder already.
        BackboneError: from `attach`, where the backbone has nothing that it could change.
    """

    # As users write it.
    method: ClassVar[str] = ""
    # True where two of its kind on one weight would train the same thing twice.
    exclusive: ClassVar[bool] = False
    # In which order tunings of one weight work: differences are added, then scales are applied.
    order: ClassVar[int] = 0

    def __init__(self, *, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name or self.method, **kwargs)
        self.seed = seed
        self.start_seed = 0
        self._place: Any = None

    def attach(
        self,
        weights: Sequence[FrozenWeight],
        numbers: Sequence[int],
        width: int,
        family: str,
        seed: int = 0,
    ) -> None:
        """Creates the trained weights for some frozen ones.

        Args:
            weights: of the upper layers and of what follows the last one.
            numbers: of the upper layers.
            width: D.
            family: of the backbone, for errors.
            seed: of initial values, where the tuning has none of its own.
        """
        if self._place is not None:
            raise ConfigError(
                f"A tuning belongs to one encoder. Received: {self.name!r} for a second one. Make "
                "a new one, or give its name, as 'lora:8'."
            )
        self._place = _Place(
            tuple(weight for weight in weights if self.takes(weight)), tuple(numbers), width, family
        )
        self.start_seed = seed if self.seed is None else self.seed
        self.check(weights)
        self.build(None)

    @property
    def taken(self) -> tuple[FrozenWeight, ...]:
        """The frozen weights that it changes."""
        return self._place.weights

    def takes(self, weight: FrozenWeight) -> bool:
        """True for a weight that it changes."""
        return False

    def check(self, weights: Sequence[FrozenWeight]) -> None:
        """Refuses a backbone without anything to change."""
        if not self.taken:
            raise BackboneError(
                f"The tuning {self.method!r} needs {self.needs()}. Received: {self._place.family}, "
                f"whose layers have {described(weights)}."
            )

    def needs(self) -> str:
        """What a backbone must have for it."""
        return "weights to change"

    def change(self, weight: FrozenWeight, value: Any) -> Any:
        """What a frozen weight reads as: a tensor of its shape, from one of its shape."""
        return value

    def after(self, number: int, states: Any) -> Any:
        """What is made of the output of layer `number`: `[..., D]` in and out."""
        return states

    def penalty(self) -> Any:
        """A scalar that training adds to the loss, or None."""
        return None

    def plan(self, steps: int) -> None:
        """Learns how many steps training takes in all."""

    def observe(self, gradients: Mapping[int, Any]) -> None:
        """Sees a step's gradients, by the id of their variable, after the weights have moved."""

    @property
    def settled(self) -> dict[str, keras.Variable]:
        """What is kept with the trained weights though no gradient trains it, by name."""
        return {}

    @property
    def course(self) -> list[keras.Variable]:
        """What training needs to go on where it was, in fixed order; nothing else reads it."""
        return []

    def options(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON."""
        standard = {} if self.name == self.method else {"name": self.name}
        return standard if self.seed is None else {**standard, "seed": self.seed}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self.options()}
