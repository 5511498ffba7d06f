"""How the learning rate moves."""

from __future__ import annotations

import keras


def warm_cosine(
    rate: float, steps: int, warmup: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A rate that rises from zero and falls as a cosine to 2 % of its height.

    Args:
        rate: at its height.
        steps: of the whole training.
        warmup: steps in which it rises, 0 … steps - 1.

    Example:
        >>> schedule = warm_cosine(0.1, steps=100, warmup=10)
        >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 100)]
        [0.0, 0.05, 0.1, 0.002]
    """
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        decay_steps=max(1, steps - warmup),
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
        alpha=0.02,
    )
