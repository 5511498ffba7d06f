"""How many ranks may stay, step by step, and which."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.errors import ConfigError


class RankBudget(keras.layers.Layer):
    """Keeps the most important ranks of all matrices, ever fewer on a cubic schedule.

    Args:
        target_rank: ranks a matrix at the end, on average.
        initial_rank: ranks a matrix at the start.
        warmup: share of the steps before pruning.
        cooldown: share of the steps after it.
        prune_every: steps between two prunings.

    Raises:
        ConfigError: shares that leave no step to prune in.

    Example:
        >>> budget = RankBudget(1, 2, warmup=0.0, cooldown=0.5, prune_every=1)
        >>> budget.build((1, 2))
        >>> _ = budget.total.assign(4)
        >>> [keras.ops.convert_to_numpy(budget.step(keras.ops.array([[3.0, 5.0]]))).tolist()
        ...  for _ in range(2)]
        [[[0.0, 1.0]], [[0.0, 1.0]]]

    Reference:
        Zhang et al., 2023, AdaLoRA, equations 6 and 12.
    """

    def __init__(
        self,
        target_rank: int,
        initial_rank: int,
        warmup: float = 0.1,
        cooldown: float = 0.3,
        prune_every: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if warmup < 0 or cooldown < 0 or warmup + cooldown >= 1 or prune_every < 1:
            raise ConfigError(
                "Warm-up and cool-down are shares of the steps that leave some to prune in, and "
                f"pruning comes every step or less often. Received: warmup={warmup}, "
                f"cooldown={cooldown}, prune_every={prune_every}."
            )
        self.target_rank = target_rank
        self.initial_rank = initial_rank
        self.warmup = warmup
        self.cooldown = cooldown
        self.prune_every = prune_every

    def build(self, shape: tuple[int, int]) -> None:
        """Creates the mask of M matrices of r ranks, `[M, r]`, and the counters."""

        def add(name: str, shape: Any = (), dtype: str = "int32", start: str = "zeros") -> Any:
            return self.add_weight(
                shape=shape, dtype=dtype, initializer=start, name=name, trainable=False,
                aggregation="only_first_replica",
            )  # fmt: skip

        self.mask = add("mask", shape, "float32", "ones")
        self.steps = add("steps")
        self.total = add("total")
        self.finished = add("finished")
        self.built = True

    def step(self, scores: Any) -> Any:
        """Which ranks stay after this step.

        Args:
            scores: importance `[M, r]`.

        Returns:
            1 for what stays and 0 for the rest, `[M, r]`.
        """
        steps = self.steps.value + 1
        total = ops.cast(self.total.value, "float32")
        begin = ops.cast(ops.floor(self.warmup * total), "int32")
        end = ops.cast(ops.floor((1 - self.cooldown) * total), "int32")
        # Unknown how long training takes: nothing is pruned.
        at_end = ops.logical_and(self.total.value > 0, steps >= end)
        due = ops.logical_and(steps > begin, steps % self.prune_every == 0)
        prunes = ops.logical_or(at_end, ops.logical_and(due, self.total.value > 0))
        pruned = keep_best(scores, self._allowed(steps, begin, end, scores.shape[0]))
        mask = ops.where(prunes, pruned, ops.ones_like(pruned))
        mask = ops.where(self.finished.value > 0, self.mask.value, mask)
        self.finished.assign(ops.maximum(self.finished.value, ops.cast(at_end, "int32")))
        self.steps.assign(steps)
        self.mask.assign(mask)
        return mask

    def _allowed(self, steps: Any, begin: Any, end: Any, matrices: int) -> Any:
        """Ranks of all matrices together after some steps."""
        done = ops.cast(steps - begin, "float32") / ops.cast(ops.maximum(end - begin, 1), "float32")
        left = 1 - ops.clip(done, 0, 1)
        more = matrices * (self.initial_rank - self.target_rank) * left**3
        # A whole number that rounding put just below itself stays that number.
        return matrices * self.target_rank + ops.cast(ops.floor(more + 1e-4), "int32")


def keep_best(scores: Any, count: Any) -> Any:
    """1 for the `count` largest of all scores and 0 for the others, in the scores' shape."""
    flat = ops.reshape(scores, (-1,))
    # The place of each in the order; ties go by position, so that exactly `count` are kept.
    places = ops.argsort(ops.argsort(-flat))
    return ops.reshape(ops.cast(places < count, "float32"), ops.shape(scores))
