"""Low-rank differences whose ranks go where they matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfprompt.errors import BackboneError, ConfigError
from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.frozen_weights import FrozenWeight
from tfprompt.layers.tuning.importance import Importance
from tfprompt.layers.tuning.lora import check_targets, checked_targets
from tfprompt.layers.tuning.rank_budget import RankBudget


@keras.saving.register_keras_serializable("tfprompt")
class AdaLora(Tuning):
    """Adds P diag(λ) Q to some kernels, and takes ranks away from those that need them least.

    Every matrix starts with `initial_rank` triplets (a column of P, an entry of λ, a row of Q).
    In training the λ of the least important triplets of all matrices together are set to zero,
    until `target_rank` a matrix are left on average. A triplet that was pruned may come back
    until the pruning ends; then ranks stay as they are. `fit` tells how long training takes;
    stopped before `1 - cooldown` of it, a model has more ranks left.

    Args:
        target_rank: ranks that are left of each matrix, on average.
        initial_rank: ranks at the start; None takes 1.5 times the target.
        alpha: strength of the difference, divided by the initial rank; None takes that rank.
        targets: which projections, as for `Lora`.
        warmup: share of the training steps before pruning.
        cooldown: share of the training steps after pruning.
        prune_every: steps between two prunings.
        orthogonality: weight of the penalty that keeps P and Q orthogonal.
        sensitivity_decay: how slowly the importance of a weight follows the steps (β₁).
        uncertainty_decay: how slowly the importance's own deviation follows (β₂).
        seed: seed of P and Q; None takes the encoder's.
        name: part of the names of its weights.

    Raises:
        ConfigError: ranks, shares or decays out of range, or an unknown target.
        BackboneError: from the encoder, where a target is missing or narrower than the rank.

    Example:
        encoder = tp.PromptedEncoder(loaded, template, tuning=AdaLora(4))

    Reference:
        Zhang et al., 2023, "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning",
        equations 3 to 12.
    """

    method = "adalora"

    def __init__(
        self,
        target_rank: int = 4,
        initial_rank: int | None = None,
        alpha: float | None = None,
        targets: Sequence[str] = ("query", "value"),
        *,
        warmup: float = 0.1,
        cooldown: float = 0.3,
        prune_every: int = 10,
        orthogonality: float = 0.1,
        sensitivity_decay: float = 0.85,
        uncertainty_decay: float = 0.85,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, name=name, **kwargs)
        initial_rank = -(-3 * target_rank // 2) if initial_rank is None else initial_rank
        self.target_rank = target_rank
        self.initial_rank = initial_rank
        self.alpha = float(initial_rank if alpha is None else alpha)
        self.targets = checked_targets(targets)
        self.orthogonality = orthogonality
        if not 1 <= target_rank <= initial_rank or self.alpha <= 0 or orthogonality < 0:
            raise ConfigError(
                "Ranks are pruned from initial_rank to target_rank, 1 or more; alpha is above 0, "
                f"the orthogonality 0 or more. Received: target_rank={target_rank}, "
                f"initial_rank={initial_rank}, alpha={alpha}, orthogonality={orthogonality}."
            )
        self.importance = Importance(sensitivity_decay, uncertainty_decay, name="importance")
        self.budget = RankBudget(
            target_rank, initial_rank, warmup, cooldown, prune_every, name="budget"
        )
        self.factors: dict[str, tuple[keras.Variable, ...]] = {}

    def takes(self, weight: FrozenWeight) -> bool:
        """True for the kernels of its targets."""
        return weight.role in self.targets and weight.kind == "kernel"

    def check(self, weights: Sequence[FrozenWeight]) -> None:
        """Refuses a backbone without one of the targets, or with too narrow ones."""
        check_targets(self, weights)
        narrowest = min(min(weight.matrix) for weight in self.taken)
        if narrowest < self.initial_rank:
            raise BackboneError(
                "As many orthogonal vectors as the initial rank must fit into each projection. "
                f"Received: initial_rank={self.initial_rank} for a projection of {narrowest}."
            )

    def build(self, input_shape: Any = None) -> None:
        """Creates P, λ and Q for each kernel."""
        rank = self.initial_rank
        for place, weight in enumerate(self.taken):
            inputs, outputs = weight.matrix
            # Orthogonal from the start, which the authors' normal ones become by the penalty.
            starts = [
                keras.initializers.Orthogonal(seed=self.start_seed + 2 * place + side)
                for side in (0, 1)
            ]
            name = weight.name.removesuffix("_kernel")
            self.factors[weight.name] = (
                self.add_weight(shape=(inputs, rank), initializer=starts[0], name=f"{name}_p"),
                self.add_weight(
                    shape=(rank,),
                    initializer="zeros",
                    name=f"{name}_lambda",
                    # Pruned inside a training step, by every replica to the same value.
                    aggregation="only_first_replica",
                ),
                self.add_weight(shape=(rank, outputs), initializer=starts[1], name=f"{name}_q"),
            )
        self.importance.build([v.shape for triplet in self.factors.values() for v in triplet])
        self.budget.build((len(self.factors), rank))
        self.built = True

    def change(self, weight: FrozenWeight, value: Any) -> Any:
        """The kernel and its difference."""
        p, scales, q = self.factors[weight.name]
        difference = (self.alpha / self.initial_rank) * ops.matmul(p * scales, q)
        return value + ops.cast(ops.reshape(difference, ops.shape(value)), value.dtype)

    def penalty(self) -> Any:
        """How far P and Q are from orthogonal, a mean over matrices (equation 4)."""
        unit = ops.eye(self.initial_rank)
        total: Any = 0.0
        for p, _, q in self.factors.values():
            for product in (ops.matmul(ops.transpose(p), p), ops.matmul(q, ops.transpose(q))):
                total = total + ops.sum(ops.square(product - unit))
        return self.orthogonality * total / len(self.factors)

    def plan(self, steps: int) -> None:
        """Learns how many steps training takes in all."""
        self.budget.total.assign(steps)

    def observe(self, gradients: Mapping[int, Any]) -> None:
        """Measures importance, and sets what is pruned to zero."""
        variables = [v for triplet in self.factors.values() for v in triplet]
        if any(id(variable) not in gradients for variable in variables):
            return  # they are held
        self.importance.update(variables, [gradients[id(v)] for v in variables])
        scores = []
        for place in range(len(self.factors)):
            of_p, of_scales, of_q = (self.importance.score(3 * place + part) for part in range(3))
            # Equation 7: a triplet counts by its λ and the means of its vectors.
            scores.append(of_scales + ops.mean(of_p, axis=0) + ops.mean(of_q, axis=1))
        mask = self.budget.step(ops.stack(scores))
        for place, (_, scales, _) in enumerate(self.factors.values()):
            scales.assign(scales.value * mask[place])

    @property
    def ranks(self) -> dict[str, int]:
        """The ranks that are left of each matrix."""
        return {
            name.removesuffix("_kernel"): int(ops.count_nonzero(factors[1].value))
            for name, factors in self.factors.items()
        }

    @property
    def settled(self) -> dict[str, keras.Variable]:
        """Which ranks are pruned, and how far the pruning is."""
        return {f"budget/{v.name}": v for v in self.budget.variables}

    @property
    def course(self) -> list[keras.Variable]:
        """The importance of each weight."""
        return list(self.importance.variables)

    def options(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON."""
        return {
            **super().options(),
            "target_rank": self.target_rank,
            "initial_rank": self.initial_rank,
            "alpha": self.alpha,
            "targets": list(self.targets),
            "warmup": self.budget.warmup,
            "cooldown": self.budget.cooldown,
            "prune_every": self.budget.prune_every,
            "orthogonality": self.orthogonality,
            "sensitivity_decay": self.importance.sensitivity_decay,
            "uncertainty_decay": self.importance.uncertainty_decay,
        }
