"""How long and how fast each stage is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfprompt.errors import ConfigError


@dataclass(frozen=True)
class Course:
    """The same training for each stage: AdamW, a rate that warms up and falls as a cosine.

    Args:
        epochs: passes over a stage's windows.
        rate: learning rate at its height.
        later_rate: the same from the second stage on; None takes `rate`.
        batch_size: windows in a step.
        weight_decay: of AdamW.
        warmup: share of the steps in which the rate rises; 0 starts at its height.

    Raises:
        ConfigError: numbers out of range.

    Example:
        >>> Course(epochs=3, later_rate=5e-4).rate_of(1)
        0.0005
    """

    epochs: int = 8
    rate: float = 2e-3
    later_rate: float | None = None
    batch_size: int = 64
    weight_decay: float = 0.01
    warmup: float = 0.05

    def __post_init__(self) -> None:
        rates = (self.rate, self.rate_of(1))
        if self.epochs < 1 or self.batch_size < 1 or min(rates) <= 0 or not 0 <= self.warmup < 1:
            raise ConfigError(
                "A stage has an epoch or more, batches of one window or more, rates above 0 and a "
                f"warm-up from 0 to below 1. Received: {self}."
            )

    def rate_of(self, number: int) -> float:
        """The rate of stage `number`, counted from 0."""
        return self.rate if number == 0 or self.later_rate is None else self.later_rate

    def optimizer(self, number: int, steps: int) -> Any:
        """A new optimizer for the `steps` of stage `number`."""
        import keras

        from tfprompt.training.schedule import warm_cosine

        warm = min(int(steps * self.warmup), steps - 1)
        schedule = warm_cosine(self.rate_of(number), steps, warm)
        return keras.optimizers.AdamW(schedule, weight_decay=self.weight_decay, global_clipnorm=1.0)
