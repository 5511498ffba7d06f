"""Low-rank differences of projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfprompt.errors import BackboneError, ConfigError
from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.frozen_weights import PROJECTIONS, FrozenWeight


@keras.saving.register_keras_serializable("tfprompt")
class Lora(Tuning):
    """Adds a matrix of low rank to the kernels of some projections: W + (α/r) A B.

    A `[inputs, r]` starts at random and B `[r, outputs]` at zero. Heads are one axis: the query
    of 12 heads of 32 is one matrix of 384 outputs, as in the paper.

    Args:
        rank: r.
        alpha: α, the strength of the difference; None takes the rank, so that α/r is 1.
        targets: which projections, of "query", "key", "value", "attention_output",
            "intermediate", "gate" (of decoders with one) and "output".
        seed: seed of A; None takes the encoder's.
        name: part of the names of its weights.

    Raises:
        ConfigError: a rank below 1, α of 0 or less, or an unknown target.
        BackboneError: from the encoder, where a target is missing in the backbone's layers.

    Example:
        encoder = tp.PromptedEncoder(loaded, template, tuning=Lora(8, targets=("query", "value")))

    Reference:
        Hu et al., 2022, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1.
    """

    method = "lora"

    def __init__(
        self,
        rank: int = 8,
        alpha: float | None = None,
        targets: Sequence[str] = ("query", "value"),
        *,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, name=name, **kwargs)
        self.rank = rank
        self.alpha = float(rank if alpha is None else alpha)
        self.targets = checked_targets(targets)
        if rank < 1 or self.alpha <= 0:
            raise ConfigError(
                "A low-rank difference has a rank of 1 or more and an alpha above 0. "
                f"Received: rank={rank}, alpha={alpha}."
            )
        self.factors: dict[str, tuple[keras.Variable, keras.Variable]] = {}

    def takes(self, weight: FrozenWeight) -> bool:
        """True for the kernels of its targets."""
        return weight.role in self.targets and weight.kind == "kernel"

    def check(self, weights: Sequence[FrozenWeight]) -> None:
        """Refuses a backbone without one of the targets."""
        check_targets(self, weights)

    def build(self, input_shape: Any = None) -> None:
        """Creates A and B for each kernel."""
        for place, weight in enumerate(self.taken):
            inputs, outputs = weight.matrix
            # Uniform within ±1/√inputs, as in the authors' code.
            start = keras.initializers.VarianceScaling(
                1 / 3, "fan_in", "uniform", seed=self.start_seed + place
            )
            name = weight.name.removesuffix("_kernel")
            a = self.add_weight(shape=(inputs, self.rank), initializer=start, name=f"{name}_a")
            b = self.add_weight(shape=(self.rank, outputs), initializer="zeros", name=f"{name}_b")
            self.factors[weight.name] = (a, b)
        self.built = True

    def change(self, weight: FrozenWeight, value: Any) -> Any:
        """The kernel and its difference."""
        a, b = self.factors[weight.name]
        difference = (self.alpha / self.rank) * ops.matmul(a, b)
        return value + ops.cast(ops.reshape(difference, ops.shape(value)), value.dtype)

    def options(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON."""
        return {
            **super().options(),
            "rank": self.rank,
            "alpha": self.alpha,
            "targets": list(self.targets),
        }


def checked_targets(targets: Sequence[str]) -> tuple[str, ...]:
    """Names of projections in the order of computation.

    Raises:
        ConfigError: an unknown name, or none.
    """
    given = [targets] if isinstance(targets, str) else list(targets)
    if not given or set(given) - set(PROJECTIONS):
        raise ConfigError(
            f"The targets are one or more of {', '.join(PROJECTIONS)}. Received: {targets!r}."
        )
    return tuple(name for name in PROJECTIONS if name in given)


def check_targets(tuning: Any, weights: Sequence[FrozenWeight]) -> None:
    """Refuses a backbone without one of a tuning's targets.

    Raises:
        BackboneError: a target is missing.
    """
    roles = {weight.role for weight in weights if weight.kind == "kernel"}
    missing = [name for name in tuning.targets if name not in roles]
    if missing:
        there = [name for name in PROJECTIONS if name in roles]
        raise BackboneError(
            f"The tuning {tuning.name!r} changes projections that the backbone has. Received: "
            f"targets {', '.join(missing)} for a backbone with {', '.join(there) or 'none'}."
        )
