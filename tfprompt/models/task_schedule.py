"""Which task is trained in which step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfprompt.errors import ConfigError


class TaskSchedule:
    """The order of tasks in each epoch, decided by seed and epoch alone.

    An epoch gives every task its share of the steps, in random order: whole steps by its weight,
    and what rounding leaves over is drawn by chance.

    Args:
        weights: of the tasks by name, 0 or more; their ratios count.
        steps: steps of an epoch.
        seed: of the order.

    Raises:
        ConfigError: a negative weight, or none above 0, or no step.

    Example:
        >>> schedule = TaskSchedule({"rating": 2, "direct": 1}, steps=6)
        >>> sorted(schedule.order(epoch=0))
        ['direct', 'direct', 'rating', 'rating', 'rating', 'rating']
        >>> schedule.before(epoch=3)
        {'rating': 12, 'direct': 6}
    """

    def __init__(self, weights: Mapping[str, float], steps: int, seed: int = 0) -> None:
        values = np.array(list(weights.values()), float)
        if not np.isfinite(values).all() or (values < 0).any() or not values.sum() > 0:
            raise ConfigError(
                "A task's weight is 0 or more, and one of them is above 0. "
                f"Received: {dict(weights)}."
            )
        if steps < 1:
            raise ConfigError(f"An epoch has 1 step or more. Received: {steps}.")
        self.names = tuple(weights)
        self.shares = dict(zip(self.names, (values / values.sum()).tolist(), strict=True))
        self.steps = steps
        self.seed = seed

    def order(self, epoch: int) -> list[str]:
        """The task of each step of an epoch."""
        generator = np.random.default_rng([self.seed, epoch, 2])
        wanted = np.array(list(self.shares.values())) * self.steps
        whole = np.floor(wanted + 1e-9)
        left = np.maximum(wanted - whole, 0.0)
        missing = self.steps - int(whole.sum())
        if missing:
            drawn = generator.choice(len(left), missing, replace=False, p=left / left.sum())
            whole[drawn] += 1
        order = np.repeat(np.arange(len(whole)), whole.astype(int))
        return [self.names[task] for task in generator.permutation(order)]

    def before(self, epoch: int) -> dict[str, int]:
        """Steps of each task in all epochs before this one."""
        counts = dict.fromkeys(self.names, 0)
        for earlier in range(epoch):
            for name in self.order(earlier):
                counts[name] += 1
        return counts
