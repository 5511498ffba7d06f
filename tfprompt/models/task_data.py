"""From the parts of a split to the batches of several tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences
from tfprompt.errors import ConfigError
from tfprompt.models.task_batches import TaskBatches

if TYPE_CHECKING:
    import tensorflow as tf


def training_batches(
    tasks: Mapping[str, Any],
    x: Sequences | Mapping[str, Sequences],
    weights: Mapping[str, float] | None,
    batch_size: int | Mapping[str, int],
    seed: int | None = None,
) -> dict[str, TaskBatches]:
    """Prepares the models for their training data, and gives each task's batches.

    Args:
        tasks: the models by name.
        x: the training part, for all tasks or by name.
        weights: how often each is trained; None for what is above 0 for all.
        batch_size: windows in a step.
        seed: of each task's batches; None takes the models'.

    Raises:
        ConfigError: a task without data, or data of another kind or catalog.
    """
    parts = _by_task(tasks, x, Sequences)
    sizes = batch_size if isinstance(batch_size, Mapping) else dict.fromkeys(tasks, batch_size)
    for given in (parts, sizes):
        if set(given) != set(tasks):
            raise ConfigError(
                "Each task has training data and a batch size. Received: "
                f"{', '.join(map(str, given))} for the tasks {', '.join(tasks)}."
            )
    for name, part in parts.items():
        tasks[name].check_catalog(part)
        tasks[name].prepare()
        tasks[name].mark_warm(part)
    ids = next(iter(tasks.values())).item_table.ids
    if ids is not None and ids.table.trainable:
        # Each model has marked what it knows alone. An item that any trained task knows is
        # trained, and has an id for all of them.
        trained = [name for name in tasks if weights is None or weights[name]]
        ids.mark_cold(sum(parts[name].counts() for name in trained))

    def batches(name: str) -> TaskBatches:
        model = tasks[name]
        return TaskBatches(
            lambda which: model.pipeline.training(
                parts[name],
                batch_size=sizes[name],
                seed=model.seed if seed is None else seed,
                epoch=which,
            ),
            model.distribute_strategy,
        )

    return {name: batches(name) for name in tasks}


def request_data(
    tasks: Mapping[str, Any], x: Requests | Mapping[str, Requests], batch_size: int = 256
) -> dict[str, tf.data.Dataset]:
    """Each task's requests as its own `test_step` takes them.

    Args:
        tasks: the models by name.
        x: a part of a split, for all tasks or by name; some tasks may be left out.
        batch_size: requests in a batch, at most.

    Raises:
        ConfigError: data of another kind or catalog.
    """
    data = {}
    for name, part in _by_task(tasks, x, Requests).items():
        model = tasks[name]
        model.check_catalog(part)
        model.prepare()
        size = min(batch_size, model.request_batch)
        data[name] = model.pipeline.requests(part, batch_size=size)
    return data


def _by_task(tasks: Mapping[str, Any], x: Any, kind: type) -> dict[str, Any]:
    parts = x if isinstance(x, Mapping) else dict.fromkeys(tasks, x)
    known = bool(parts) and set(parts) <= set(tasks)
    if not known or not all(isinstance(part, kind) for part in parts.values()):
        raise ConfigError(
            f"The data of tasks are {kind.__name__}, one for all of {', '.join(tasks)} or some by "
            f"their names. Received: {parts!r}."
        )
    # In the order of the tasks, whatever that of the mapping is.
    return {name: parts[name] for name in tasks if name in parts}
