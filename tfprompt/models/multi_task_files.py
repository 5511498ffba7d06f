"""A multi-task model on disk: each task in a directory of its own, and what joins them.

```
prompts/shop/
  multi_task.json
  sequential/    see `prompt_files`; `tp.load` loads it alone
  rating/
```

The shared tensors stand in each directory, a megabyte or so, so that each is whole.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt._files import atomic_write, read_json, write_json
from tfprompt.errors import CheckpointError
from tfprompt.models import prompt_files
from tfprompt.models.loading import load_single

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.models.multi_task import MultiTask

FORMAT = 1
DESCRIPTION = "multi_task.json"
_SHARED = ("item_table/", "item_tower/")


def save(
    model: MultiTask,
    directory: str | os.PathLike[str],
    *,
    metrics: dict[str, float] | None = None,
    data: dict[str, Any] | None = None,
) -> Path:
    """Writes all tasks; see `MultiTask.save_prompts`."""
    with atomic_write(directory) as folder:
        folder.mkdir()
        for name, task in model.tasks.items():
            own = {
                key.removeprefix(f"{name}_"): value
                for key, value in (metrics or {}).items()
                if key.startswith(f"{name}_")
            }
            task.save_prompts(folder / name, metrics=own, data=data)
        write_json(
            folder / DESCRIPTION,
            {
                "format": FORMAT,
                "tasks": {name: type(task).__name__ for name, task in model.tasks.items()},
                "weights": None if model.task_weights is None else dict(model.task_weights),
                "seed": model.seed,
                "epochs": model.epochs_done,
                "metrics": metrics or {},
                "trainable_parameters": model.trainable_parameters,
            },
        )
    return Path(directory)


def load(
    directory: str | os.PathLike[str],
    items: Catalog,
    *,
    backbone: str | LoadedBackbone | None = None,
) -> MultiTask:
    """Loads what `save` wrote.

    Args:
        directory: where it was written.
        items: the catalog; see `tp.load`.
        backbone: the backbone of all tasks, where it no longer goes by the name of training.

    Raises:
        CheckpointError: files are missing or damaged, the backbone is another one, or the tasks
            are not those of one training.
    """
    from tfprompt.models.multi_task import MultiTask

    path = Path(directory) / DESCRIPTION
    try:
        described: Any = read_json(path)
        names, weights = list(described["tasks"]), described["weights"]
        seed, epochs = int(described["seed"]), int(described["epochs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"A directory of several tasks holds a readable {DESCRIPTION}. Received: {path}: "
            f"{error!r}."
        ) from error
    if described.get("format") != FORMAT or not names:
        raise CheckpointError(
            f"This version reads tasks of format {FORMAT}, one or more. Received: {path} of format "
            f"{described.get('format')} with {len(names)}."
        )
    _check_shared(Path(directory), names)
    tasks: dict[str, Any] = {}
    for name in names:
        share = tasks[names[0]] if tasks else None
        tasks[name] = load_single(
            Path(directory) / name, items, backbone=backbone if share is None else None, share=share
        )
    model = MultiTask(tasks, weights, seed=seed)
    model.epochs_done = epochs
    return model


def _check_shared(directory: Path, names: list[str]) -> None:
    """Refuses directories that hold different values of what they share."""
    first = _shared(directory / names[0])
    for name in names[1:]:
        other = _shared(directory / name)
        if first.keys() != other.keys() or not all(
            np.array_equal(first[key], other[key]) for key in first
        ):
            raise CheckpointError(
                f"The tasks in {directory} share their items. Received: other items in {name} than "
                f"in {names[0]}; one of the two was replaced. Load it alone with tp.load."
            )


def _shared(directory: Path) -> dict[str, np.ndarray]:
    tensors = prompt_files.read_tensors(directory)
    return {name: value for name, value in tensors.items() if name.startswith(_SHARED)}
