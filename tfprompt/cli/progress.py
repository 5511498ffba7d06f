"""Progress of training on stderr: a bar on a terminal, a line an epoch anywhere."""

from __future__ import annotations

import sys
import time
from typing import Any

import keras

from tfprompt.cli import output


class FitProgress(keras.callbacks.Callback):
    """A bar of the epoch's steps where stderr is a terminal, and a line after each epoch.

    Args:
        epochs: the last epoch.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs
        self._bar: Any = None
        self._task: Any = None
        self._began = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Opens the bar."""
        output.stop_spinners()
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Remaining(),
            TextColumn("{task.fields[loss]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts a new bar."""
        self._began = time.monotonic()
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(
                f"epoch {epoch + 1}/{self.epochs}", total=self.params.get("steps"), loss=""
            )

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Moves the bar."""
        if self._bar is not None:
            loss = f"loss {float(logs['loss']):.4f}" if logs and batch % 10 == 0 else None
            fields = {} if loss is None else {"loss": loss}
            self._bar.update(self._task, completed=batch + 1, **fields)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """One line."""
        logs = logs or {}
        parts = [f"epoch {epoch + 1}/{self.epochs}"]
        shown = {
            "loss": "loss",
            "val_loss": "val loss",
            "val_hr_at_10": "HR@10",
            "val_ndcg_at_10": "NDCG@10",
        }
        parts += [f"{label} {logs[name]:.4f}" for name, label in shown.items() if name in logs]
        parts.append(f"{time.monotonic() - self._began:.0f} s")
        line = "  ".join(parts)
        if self._bar is not None:
            self._bar.console.print(line, highlight=False)
        else:
            output.note(line)

    def on_train_end(self, logs: Any = None) -> None:
        """Closes the bar."""
        self.close()

    def close(self) -> None:
        """Gives the terminal back; `on_train_end` is not called after an error."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
