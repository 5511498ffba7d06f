"""What is written after every epoch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras

from tfprompt.errors import ConfigError
from tfprompt.runs.curves import draw_curves
from tfprompt.runs.history import MONITOR, Row, standing, write_rows
from tfprompt.runs.interrupts import deferred

if TYPE_CHECKING:
    from tfprompt.runs.run import Run


class Recorder(keras.callbacks.Callback):
    """Keeps log, curves and the checkpoints `last` and `best`; stops when patience is out.

    The order matters to who pulls the plug: log first, `last` at the end. A resumed run goes by
    `last` and drops rows that are ahead of it, so an epoch is either wholly done or done again.

    Args:
        run: the run directory.
        rows: of the epochs done before; this callback appends to it.
        stop_after: stops when so many epochs are done in this call; None does not.
    """

    def __init__(self, run: Run, rows: list[Row], stop_after: int | None = None) -> None:
        super().__init__()
        self.run = run
        self.rows = rows
        self.last_epoch = math.inf if stop_after is None else len(rows) + stop_after
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes everything, then decides whether to go on."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self._check_finite(epoch, figures)
        row = {
            "epoch": float(epoch + 1),
            **figures,
            "learning_rate": float(self.model.optimizer.learning_rate),
            "seconds": round(time.monotonic() - self._began, 3),
        }
        self.model.epochs_done = epoch + 1
        with deferred():
            self.rows.append(row)
            write_rows(self.run.log_path, self.rows)
            state = standing(self.rows)
            kept: dict[str, Any] = {"metrics": figures, "data": self.run.record["data"]}
            if state.waited == 0:
                self.model.save_prompts(self.run.checkpoint("best"), **kept)
            draw_curves(self.run.directory / "curves.png", self.rows)
            self.model.save_prompts(self.run.checkpoint("last"), optimizer=True, **kept)
        config = self.run.config
        if state.finished(config.epochs, config.patience) or state.epochs >= self.last_epoch:
            self.model.stop_training = True

    def _check_finite(self, epoch: int, figures: dict[str, float]) -> None:
        if MONITOR not in figures:
            raise ConfigError(f"An epoch must report {MONITOR}. Received: {sorted(figures)}.")
        bad = [name for name, value in figures.items() if not math.isfinite(value)]
        if bad:
            raise ConfigError(
                f"Losses and measures must stay finite. Received: {bad[0]}={figures[bad[0]]} in "
                f"epoch {epoch + 1}. Lower learning_rate, or raise temperature; checkpoints are "
                "those of the epoch before."
            )
