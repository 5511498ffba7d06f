"""What a multi-task `fit` does step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from tfprompt.models.task_batches import TaskBatches
from tfprompt.models.task_schedule import TaskSchedule


class TaskCourse(keras.callbacks.Callback):
    """Goes through the schedule and each task's batches; tells the models how far they are.

    Args:
        schedule: which task comes when.
        batches: of the tasks by name.
        epoch: the first one; batches of earlier epochs are passed over.

    Attributes:
        steps: of the current epoch so far, by task; only tasks that had one.
    """

    def __init__(
        self, schedule: TaskSchedule, batches: Mapping[str, TaskBatches], epoch: int = 0
    ) -> None:
        super().__init__()
        self.schedule = schedule
        self.batches = batches
        self.steps: dict[str, int] = {}
        self._order: Iterator[str] = iter(())
        for name, taken in schedule.before(epoch).items():
            batches[name].go_to(taken)

    def on_train_begin(self, logs: Any = None) -> None:
        """Tells each task how many steps are its own."""
        for name, steps in self.schedule.before(self.params["epochs"]).items():
            self.model.tasks[name].encoder.tuning.plan(steps)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Draws the order of the epoch."""
        self.steps = {}
        self._order = iter(self.schedule.order(epoch))

    def following(self) -> tuple[str, Any]:
        """The task of the next step, and an iterator that gives its batch."""
        name = next(self._order)
        self.steps[name] = self.steps.get(name, 0) + 1
        return name, self.batches[name].following()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Counts the epoch, for what is saved."""
        for model in (self.model, *self.model.tasks.values()):
            model.epochs_done = epoch + 1
