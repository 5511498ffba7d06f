"""A trained model on disk: the trained tensors and a readable description, nothing else.

```
prompts/movielens/
  prompts.json            template, options, backbone and data fingerprints, metrics
  prompts.safetensors     the trained tensors (and which items are warm)
  optimizer.safetensors   the state of optimizer and dropout, to go on training (optional)
```

Nothing is pickled, so loading runs no code of whoever wrote the files.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

import tfprompt
from tfprompt._files import atomic_write, read_json, write_json
from tfprompt.errors import CheckpointError
from tfprompt.models.retriever_config import check_backbone
from tfprompt.models.retriever_config import describe as describe_model

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever

FORMAT = 1
DESCRIPTION, TENSORS, OPTIMIZER = "prompts.json", "prompts.safetensors", "optimizer.safetensors"
# Beside the trained tensors, what training measured about the catalog.
_WARM = "item_table/ids/warm"
# Beside the optimizer's state, that of everything random in training.
_RANDOM = "random/"


def save(
    model: Retriever,
    directory: str | os.PathLike[str],
    *,
    optimizer: bool = False,
    metrics: dict[str, float] | None = None,
    data: dict[str, Any] | None = None,
) -> Path:
    """Writes the trained tensors of `model`; see `Retriever.save_prompts`."""
    tensors = {name: np.asarray(v.value) for name, v in trained_variables(model).items()}
    if model.item_table.ids is not None:
        tensors[_WARM] = np.asarray(model.item_table.ids.warm.value)
    with atomic_write(directory) as folder:
        folder.mkdir()
        save_file(tensors, folder / TENSORS)
        if optimizer:
            save_file({**_optimizer_state(model), **_random_state(model)}, folder / OPTIMIZER)
        write_json(
            folder / DESCRIPTION,
            {
                "format": FORMAT,
                "tfprompt": tfprompt.__version__,
                "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                # The catalog is the user's own table: named here, not copied.
                **describe_model(model),
                "catalog": {
                    "items": len(model.catalog),
                    "fingerprint": model.catalog.fingerprint,
                },
                "data": data or {},
                "metrics": metrics or {},
                "epochs": model.epochs_done,
                "trainable_parameters": model.trainable_parameters,
                "total_parameters": model.total_parameters,
            },
        )
    return Path(directory)


def describe(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the description of saved prompts.

    Raises:
        CheckpointError: there is none, or it was written by a later version.
    """
    path = Path(directory) / DESCRIPTION
    try:
        description = read_json(path)
    except FileNotFoundError:
        raise CheckpointError(
            f"A directory of prompts holds {DESCRIPTION}. Received: {directory}, which holds "
            f"{_contents(Path(directory))}."
        ) from None
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise CheckpointError(
            f"This version reads prompts of format {FORMAT}. Received: {path} of format "
            f"{description.get('format') if isinstance(description, dict) else None}."
        )
    return description


def restore(model: Retriever, directory: str | os.PathLike[str]) -> None:
    """Puts saved tensors, and the optimizer's state where it was saved, into `model`.

    Raises:
        CheckpointError: another backbone, other tensors, or a damaged file.
    """
    description = describe(directory)
    check_backbone(description["backbone"], model.encoder.loaded)
    tensors = _read(Path(directory) / TENSORS)
    warm = tensors.pop(_WARM, None)
    variables = trained_variables(model)
    _check_same(directory, {k: v.shape for k, v in tensors.items()}, variables)
    for name, variable in variables.items():
        variable.assign(tensors[name])
    if warm is not None and model.item_table.ids is not None:
        model.item_table.ids.mark_cold(warm)
    model.epochs_done = int(description["epochs"])
    path = Path(directory) / OPTIMIZER
    if path.exists() and model.compiled:
        state = _read(path)
        random = {name: state.pop(name) for name in sorted(state) if name.startswith(_RANDOM)}
        _restore_random(model, random, directory)
        if state:  # Empty where the optimizer had made no step.
            _restore_optimizer(model, state, directory)


def trained_variables(model: Retriever) -> dict[str, Any]:
    """The trainable variables by name; names do not depend on the model's own.

    Nor on the encoder's: Keras counts the second one of a process as `prompted_encoder_1`.
    """

    def name_of(variable: Any) -> str:
        path = variable.path.removeprefix(f"{model.name}/")
        inside = path.removeprefix(f"{model.encoder.name}/")
        return path if inside == path else f"prompted_encoder/{inside}"

    named = {name_of(variable): variable for variable in model.trainable_variables}
    if len(named) != len(model.trainable_variables):
        raise CheckpointError("Two trained tensors share a name; rename one of the layers.")
    return named


def read_tensors(directory: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The trained tensors by name, without a model to put them into.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    tensors = _read(Path(directory) / TENSORS)
    tensors.pop(_WARM, None)
    return tensors


def _check_same(directory: Any, received: dict[str, tuple], variables: dict[str, Any]) -> None:
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    if expected == received:
        return
    names = sorted(
        name for name in expected.keys() | received.keys()
        if expected.get(name) != received.get(name)
    )  # fmt: skip
    details = ", ".join(
        f"{name} {received.get(name, 'missing')} for {expected.get(name, 'nothing')}"
        for name in names[:5]
    )
    raise CheckpointError(
        f"The tensors in {directory} are not those of this model (a change of the catalog, the "
        f"template or the options): {details}."
    )


def _optimizer_state(model: Retriever) -> dict[str, np.ndarray]:
    if not model.compiled or not model.optimizer.built:
        return {}
    return {
        f"{place:04d} {variable.path}": np.asarray(variable.value)
        for place, variable in enumerate(model.optimizer.variables)
    }


def _random_variables(model: Retriever) -> list[Any]:
    """Where dropout and the drawing of negatives stand in their random sequences, in fixed order.

    The frozen layers are not part of the model's own variables, and have dropout of their own.
    """
    layers = [
        layer
        for root in (model, *model.encoder.seam.upper_layers)
        for layer in root._flatten_layers()
    ]
    generators = [
        generator for layer in layers for generator in getattr(layer, "_seed_generators", ())
    ]
    distinct = {id(generator): generator.state for generator in generators}
    return [*distinct.values(), model.loss_function._generator.state]


def _random_state(model: Retriever) -> dict[str, np.ndarray]:
    return {
        f"{_RANDOM}{place:04d}": np.asarray(variable)
        for place, variable in enumerate(_random_variables(model))
    }


def _restore_random(model: Retriever, state: dict[str, np.ndarray], directory: Any) -> None:
    variables = _random_variables(model)
    if [tuple(v.shape) for v in variables] != [value.shape for value in state.values()]:
        raise CheckpointError(
            f"The random state in {directory} is not that of this model; delete {OPTIMIZER} to "
            "go on with another."
        )
    for variable, value in zip(variables, state.values(), strict=True):
        variable.assign(value)


def _restore_optimizer(model: Retriever, state: dict[str, np.ndarray], directory: Any) -> None:
    model.optimizer.build(model.trainable_variables)
    variables = model.optimizer.variables
    values = [state[name] for name in sorted(state)]
    if [tuple(v.shape) for v in variables] != [v.shape for v in values]:
        raise CheckpointError(
            f"The optimizer in {directory} is not the one of this model; compile with the same "
            f"one or delete {OPTIMIZER}."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is missing or damaged: {error}.") from error


def _contents(directory: Path) -> str:
    if not directory.is_dir():
        return "nothing, since it is no directory"
    return ", ".join(sorted(path.name for path in directory.iterdir())[:8]) or "nothing"
