"""The best weights of a training, its start included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


class BestWeights(keras.callbacks.Callback):
    """Ends a training with the weights that were best on validation, those before it included.

    `keras.callbacks.EarlyStopping` restores the best of the epochs, even where all of them are
    worse than the start. With few examples that happens: a model that is useful untrained
    (`Retriever(start="text")`) would lose what it could. With this callback it ends where it
    began, unless training made it better.

    Args:
        validation_data: what `fit` validates on; the start is measured on it.
        monitor: a figure of validation, as it stands in the logs.
        mode: "max" or "min".
        patience: validations without a better one after which training stops; None never stops.
            Epochs that do not validate (`validation_freq`) do not count.

    Attributes:
        best: the figure of the weights that were kept.
        best_epoch: after how many epochs it was, 0 for the start.

    Raises:
        ConfigError: another mode, or a figure that validation does not give.

    Example:
        best = tp.training.BestWeights(split.validation, patience=3)
        model.fit(split.train, validation_data=split.validation, epochs=20, callbacks=[best])
        print(best.best_epoch, best.best)
    """

    def __init__(
        self,
        validation_data: Requests | Any,
        monitor: str = "val_ndcg_at_10",
        mode: Literal["max", "min"] = "max",
        patience: int | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("max", "min") or (patience is not None and patience < 1):
            raise ConfigError(
                "A mode is 'max' or 'min', and patience 1 or more. "
                f"Received: mode={mode!r}, patience={patience}."
            )
        self.validation_data = validation_data
        self.monitor = monitor
        self.mode = mode
        self.patience = patience
        self.best: float | None = None
        self.best_epoch = 0
        self._kept: list[np.ndarray] = []
        self._worse = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Measures the start."""
        self.best, self.best_epoch, self._worse = None, 0, 0
        # What `fit` validates on, where it says so: of a ranker that may be a shortlist.
        data = getattr(self.model, "validating_on", None)
        data = self.validation_data if data is None else data
        found = self.model.evaluate(data, return_dict=True, verbose=0)
        figures = {f"val_{name}": value for name, value in found.items()}
        if self.monitor not in figures:
            raise ConfigError(
                f"What is monitored is a figure of validation: {', '.join(figures)}. "
                f"Received: {self.monitor!r}."
            )
        self._consider(0, figures)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps what is better than all before."""
        if self.monitor in (logs or {}):
            self._consider(epoch + 1, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Puts the best weights back."""
        for variable, value in zip(self._variables(), self._kept, strict=True):
            variable.assign(value)

    def _variables(self) -> list[Any]:
        """What is trained, and which of it was pruned."""
        tuning = getattr(getattr(self.model, "encoder", None), "tuning", None)
        settled = () if tuning is None else tuning.settled.values()
        return [*self.model.trainable_variables, *settled]

    def _consider(self, epoch: int, figures: Any) -> None:
        value = float(figures[self.monitor])
        better = self.best is None or (
            value > self.best if self.mode == "max" else value < self.best
        )
        if better:
            self.best, self.best_epoch, self._worse = value, epoch, 0
            self._kept = [np.array(v.value) for v in self._variables()]
            return
        self._worse += 1
        if self.patience is not None and self._worse >= self.patience:
            self.model.stop_training = True
