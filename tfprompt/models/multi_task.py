"""Several tasks over one set of items and one frozen backbone, each with its own prompts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfprompt.errors import ConfigError
from tfprompt.models.sharing import check_tasks
from tfprompt.models.task_course import TaskCourse
from tfprompt.models.task_data import request_data, training_batches
from tfprompt.models.task_schedule import TaskSchedule
from tfprompt.models.task_score import mean_score, task_score
from tfprompt.training.memory import keeps_memory

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences
    from tfprompt.models.fits_parts import FitsParts


class MultiTask(keras.Model):
    """Trains retrievers and rankers that share their items, one task a step.

    A step draws a task and is that task's own training step: it changes the task's prompts and
    what all tasks share, the item projections and ids. Prompts of other tasks, and the
    optimizer's memory of them, stay exactly as they are; neither momentum nor weight decay moves
    them. All tasks have one optimizer, so a shared tensor has one momentum.

    Args:
        tasks: the models by name; the second and later ones were made with `share=` the first.
            They stay ordinary models: `tp.evaluate(multi.tasks["direct"], split.test)`.
        weights: how often each task is trained, by name; their ratios count, and 0 leaves a task
            untrained. None goes by the number of batches, so that an epoch is one pass over each
            task's data.
        seed: of the order of tasks.

    Raises:
        ConfigError: names that cannot be directories or metrics, models that do not share their
            items or were made under another `tf.distribute` strategy, or weights that fit no task.

    Example:
        loaded = tp.encoders.load_backbone("all-minilm-l6-v2")
        made = lambda template: tp.PromptedEncoder(loaded, template)
        sequential = tp.Retriever(made("{soft:8} {history:items}"), data.items)
        direct = tp.Retriever(made("{soft:8} a {age} year old likes"), data.items, share=sequential)
        rating = tp.Ranker(made("{soft:8} {history:items rating} would rate {item:token}"),
                           data.items, "rating", share=sequential)
        multi = MultiTask({"sequential": sequential, "direct": direct, "rating": rating})
        multi.fit(split.train, validation_data=split.validation, epochs=6)
        multi.tasks["rating"].export("models/rating/1")

    References:
        Geng et al., 2022 (P5: rating, sequential and direct recommendation in one model).
    """

    def __init__(
        self,
        tasks: Mapping[str, FitsParts],
        weights: Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_tasks(tasks, self)
        if weights is not None:
            if set(weights) != set(tasks):
                raise ConfigError(
                    "There is a weight for each task, 0 for one that is not trained. Received: "
                    f"weights of {', '.join(weights)} for the tasks {', '.join(tasks)}."
                )
            TaskSchedule(weights, steps=1)  # refuses what is no weight
            weights = {name: float(weights[name]) for name in tasks}
        self.tasks: dict[str, Any] = dict(tasks)
        self.task_weights = weights
        self.seed = seed
        self.epochs_done = 0
        self.built = True

    # -- what Keras calls ---------------------------------------------------------------------

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As in Keras, for all tasks at once: they are compiled with the same optimizer.

        Args:
            optimizer: None takes AdamW at 2e-3 with gradients clipped to length 1.
            **kwargs: `run_eagerly` and `jit_compile`, for the tasks' steps.
        """
        if unknown := kwargs.keys() - {"run_eagerly", "jit_compile"}:
            raise ConfigError(
                "Losses and metrics are those of the tasks; to compile takes an optimizer, "
                f"run_eagerly and jit_compile. Received: {', '.join(sorted(unknown))}."
            )
        optimizer = keras.optimizers.get(
            optimizer or keras.optimizers.AdamW(2e-3, global_clipnorm=1.0)
        )
        if optimizer.gradient_accumulation_steps:
            raise ConfigError(
                "Gradients are not added up over steps of different tasks. Received: "
                f"gradient_accumulation_steps={optimizer.gradient_accumulation_steps}. Raise "
                "batch_size."
            )
        super().compile(optimizer=optimizer, **kwargs)
        with self.distribute_strategy.scope():
            # On all variables at once, before any task builds it on its own.
            self.optimizer.build(self.trainable_variables)
        for model in self.tasks.values():
            model.compile(optimizer=self.optimizer, **kwargs)

    @keeps_memory
    def fit(
        self,
        x: Sequences | Mapping[str, Sequences],
        *,
        validation_data: Requests | Mapping[str, Requests] | None = None,
        batch_size: int | Mapping[str, int] = 64,
        epochs: int = 1,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        callbacks: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains all tasks; arguments as in `keras.Model.fit`.

        A task whose data end before the epoch starts its next pass, and one whose data are left
        goes on there in the next epoch. The history holds `loss` (the tasks' mean losses by
        their shares of the steps), `<task>_loss`, and with validation `val_<task>_<metric>` and
        `val_score` (see `evaluate`), for `EarlyStopping("val_score", mode="max")`.

        Args:
            x: the training part of a split, for all tasks or by name.
            validation_data: the validation part, likewise; by name some tasks may be left out.
            batch_size: windows in a step, over all replicas.
            epochs: the last epoch.
            initial_epoch: epochs already done; order and batches go on from there.
            steps_per_epoch: steps of all tasks together; None takes the number of batches of all
                tasks that are trained.
            callbacks: any Keras callbacks.
            seed: of the order of tasks and of each task's batches; None takes those of the models.
            **kwargs: `verbose`, `validation_freq`.
        """
        if not self.compiled:
            self.compile()
        batches = training_batches(self.tasks, x, self.task_weights, batch_size, seed)
        weights = self.task_weights or {name: each.count for name, each in batches.items()}
        steps = steps_per_epoch or sum(batches[name].count for name in weights if weights[name])
        schedule = TaskSchedule(weights, steps, self.seed if seed is None else seed)
        self._course = TaskCourse(schedule, batches, initial_epoch)
        self._validation = None
        if validation_data is not None:
            self._validation = request_data(self.tasks, validation_data)
            kwargs["validation_data"] = self._ticks(1)
        listed = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
        return super().fit(
            self._ticks(steps),
            epochs=epochs,
            initial_epoch=initial_epoch,
            callbacks=[self._course, *(callback for callback in listed if callback is not None)],
            shuffle=False,
            **kwargs,
        )

    def evaluate(self, x: Any, *, batch_size: int = 256, **kwargs: Any) -> dict[str, float]:
        """Each task's own evaluation, as `<task>_<metric>`, and a `score` of all.

        Args:
            x: a part of a split, for all tasks or by name.
            batch_size: requests in a batch.
            **kwargs: ignored; Keras' `fit` passes some.

        Returns:
            The figures. `score` is the geometric mean of the tasks' own, see `task_score`: one
            percent more NDCG weighs as much as one percent more of explained variance.
        """
        if not self.compiled:
            self.compile()
        inside_fit = kwargs.get("_use_cached_eval_dataset", False)
        data: Any = self._validation if inside_fit else request_data(self.tasks, x, batch_size)
        figures: dict[str, float] = {}
        scores: dict[str, float] = {}
        for name, requests in data.items():
            model = self.tasks[name]
            found = model.evaluate(requests, return_dict=True, verbose=0)
            figures |= {f"{name}_{key}": float(value) for key, value in found.items()}
            scores[name] = task_score(model, found)
        return {**figures, "score": mean_score(scores)}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Those of all tasks: what is reset at the start of each epoch."""
        return [metric for model in self.tasks.values() for metric in model.metrics]

    def make_train_function(self, force: bool = False) -> Any:
        """Makes the function of one step; each task has a graph of its own."""
        for model in self.tasks.values():
            model.make_train_function(force)

        def step(_: Any) -> dict[str, Any]:
            if self._course is None:
                raise ConfigError("A multi-task model is trained by its fit.")
            name, batches = self._course.following()
            loss = self.tasks[name].train_function(batches)["loss"]
            return {"loss": loss, f"{name}_loss": loss}

        self.train_function = step
        return step

    def _get_metrics_result_or_logs(self, logs: dict[str, Any]) -> dict[str, Any]:
        # At the end of an epoch: the means over it, in place of the last step's losses.
        steps = self._course.steps
        losses = {
            name: float(metric.result())
            for name in steps
            for metric in self.tasks[name].metrics
            if metric.name == "loss"
        }
        mean = sum(steps[name] * losses[name] for name in steps) / max(sum(steps.values()), 1)
        return {"loss": mean, **{f"{name}_loss": loss for name, loss in losses.items()}}

    def _ticks(self, steps: int) -> tf.data.Dataset:
        # What Keras counts its steps by; the batches come from each task's own data.
        replicas = self.distribute_strategy.num_replicas_in_sync
        return tf.data.Dataset.range(steps * replicas).batch(replicas)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Nothing: all is built."""

    _course: Any = None
    _validation: Any = None

    # -- what is kept -------------------------------------------------------------------------

    @property
    def trainable_parameters(self) -> int:
        """How many numbers training changes, shared ones counted once."""
        return sum(int(np.prod(variable.shape)) for variable in self.trainable_variables)

    def save_prompts(self, directory: str | os.PathLike[str], **kwargs: Any) -> Path:
        """Writes each task into a directory of its own, which `tp.load` loads alone.

        Args:
            directory: replaced as a whole, atomically.
            **kwargs: `metrics` and `data`, as for `Retriever.save_prompts`.
        """
        from tfprompt.models import multi_task_files

        return multi_task_files.save(self, directory, **kwargs)

    @classmethod
    def load(cls, directory: str | os.PathLike[str], items: Catalog, **kwargs: Any) -> MultiTask:
        """Loads what `save_prompts` wrote, items shared again; arguments as in `tp.load`."""
        from tfprompt.models import multi_task_files

        return multi_task_files.load(directory, items, **kwargs)
