"""All tuning of one encoder's upper layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from tfprompt.errors import ConfigError
from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.frozen_weights import FrozenWeight, weights_of
from tfprompt.layers.tuning.replaced import Replaced


class TunedLayers(keras.layers.Layer):
    """Frozen layers that run with changed weights; without any tuning, as they are.

    Where several methods change one weight, differences are added to it and then scaled.

    Args:
        tunings: the methods; none for frozen layers.

    Raises:
        ConfigError: two methods that would train the same thing, or that have one name.

    Example:
        tuned = TunedLayers([Lora(8)])
        tuned.attach(seam, "all-minilm-l6-v2")
        for number, layer in enumerate(seam.upper_layers):
            with tuned.layer(number):
                states = layer(states, attention_mask=mask)
            states = tuned.after(number, states)
    """

    def __init__(self, tunings: Sequence[Tuning] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tunings = sorted(tunings, key=lambda tuning: tuning.order)
        names = [tuning.name for tuning in tunings]
        if len(set(names)) < len(names):
            raise ConfigError(
                f"Tunings of one encoder have different names. Received: {', '.join(names)}. "
                "Give one a name, as Lora(8, name='outer')."
            )
        self._given = tuple(names)
        self._first = 0
        self._weights: list[list[FrozenWeight]] = []
        self._create: Any = None

    def attach(self, seam: Any, name: str, seed: int = 0) -> None:
        """Creates all trained weights.

        Args:
            seam: gives `upper_layers`, their number below it `prompt_layer`, the `final_layer`
                behind them or None, and the `backbone` with its width.
            name: of the backbone, for errors.
            seed: of initial values.

        Raises:
            BackboneError: the layers have nothing that a method could change.
            ConfigError: two methods that would train the same thing.
        """
        self._first = seam.prompt_layer
        parts = [*seam.upper_layers, *([] if seam.final_layer is None else [seam.final_layer])]
        numbers = range(self._first, self._first + len(parts))
        self._weights = [weights_of(*pair) for pair in zip(parts, numbers, strict=True)]
        weights = [weight for of_layer in self._weights for weight in of_layer]
        self._upper = len(seam.upper_layers)
        upper = numbers[: self._upper]

        def create() -> None:
            for tuning in self.tunings:
                tuning.attach(weights, upper, int(seam.backbone.hidden_dim), name, seed)

        self._create = create
        self.build(None)
        self._check_conflicts()

    def build(self, input_shape: Any = None) -> None:
        """Creates the weights for what `attach` was given."""
        self._create()
        self.built = True

    @contextmanager
    def layer(self, number: int) -> Iterator[None]:
        """While it is open, upper layer `number` (from 0) runs with its changed weights."""
        changed = self._changed(number) if self.tunings else []
        if not changed:
            yield
            return
        with Replaced(changed):
            yield

    def final(self) -> Any:
        """The same for what follows the last layer."""
        return self.layer(self._upper)

    def after(self, number: int, states: Any) -> Any:
        """What is made of an upper layer's output `[..., D]`."""
        for tuning in self.tunings:
            states = tuning.after(self._first + number, states)
        return states

    def add_penalties(self) -> None:
        """Adds what keeps the tunings in order to the losses of this call."""
        for tuning in self.tunings:
            penalty = tuning.penalty()
            if penalty is not None:
                tuning.add_loss(penalty)

    def plan(self, steps: int) -> None:
        """Tells the tunings how many steps training takes in all."""
        for tuning in self.tunings:
            tuning.plan(steps)

    @property
    def observes(self) -> bool:
        """True where a tuning wants to see gradients."""
        return any(type(tuning).observe is not Tuning.observe for tuning in self.tunings)

    def observe(self, gradients: Mapping[int, Any]) -> None:
        """Shows the tunings a step's gradients, by the id of their variable."""
        for tuning in self.tunings:
            tuning.observe(gradients)

    @property
    def settled(self) -> dict[str, keras.Variable]:
        """What is kept with the trained weights though no gradient trains it, by name."""
        return {
            f"{tuning.name}/{name}": variable
            for tuning in self.tunings
            for name, variable in tuning.settled.items()
        }

    @property
    def course(self) -> list[keras.Variable]:
        """What training needs to go on where it was."""
        return [variable for tuning in self.tunings for variable in tuning.course]

    def options(self) -> list[dict[str, Any]] | None:
        """The methods as JSON, in the order in which they were given; None for none."""
        by_name = {tuning.name: tuning for tuning in self.tunings}
        given = [by_name[name] for name in self._given]
        return [{"method": each.method, **each.options()} for each in given] or None

    def _changed(self, number: int) -> list[tuple[keras.Variable, Any]]:
        pairs = []
        for weight in self._weights[number] if number < len(self._weights) else ():
            tunings = [tuning for tuning in self.tunings if tuning.takes(weight)]
            if tunings:
                value = weight.variable.value
                for tuning in tunings:
                    value = tuning.change(weight, value)
                pairs.append((weight.variable, value))
        return pairs

    def _check_conflicts(self) -> None:
        owners: dict[str, str] = {}
        for tuning in self.tunings:
            for weight in tuning.taken if tuning.exclusive else ():
                other = owners.setdefault(weight.name, tuning.name)
                if other != tuning.name:
                    raise ConfigError(
                        "A frozen weight is trained itself by one tuning at most. Received: "
                        f"{other} and {tuning.name}, which both train {weight.name}. Leave one out."
                    )
