"""A trained model on disk: the trained tensors and a readable description, nothing else.

```
prompts/movielens/
  prompts.json            template, options, backbone and data fingerprints, metrics
  prompts.safetensors     the trained tensors, and what was measured: the whitening, warm items …
  optimizer.safetensors   the state of optimizer and dropout, to go on training (optional)
```

Nothing is pickled, so loading runs no code of whoever wrote the files.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

import tfprompt
from tfprompt._files import atomic_write, read_json, write_json
from tfprompt.errors import CheckpointError
from tfprompt.models.column_tensors import meaning_of_columns
from tfprompt.models.tensors import (
    MEASURED,
    TUNING,
    WHITENING,
    folded_names,
    kept_tensors,
    measured_variables,
    trained_variables,
)
from tfprompt.models.training_state import (
    NETWORK,
    RANDOM,
    check_optimizer,
    check_random,
    network_state,
    networks,
    optimizer_state,
    random_state,
    random_variables,
    restore_networks,
)

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.models.fits_parts import FitsParts

FORMAT = 1
DESCRIPTION, TENSORS, OPTIMIZER = "prompts.json", "prompts.safetensors", "optimizer.safetensors"
_REQUIRED = {"template", "encoder", "model", "backbone", "catalog", "epochs"}


def save(
    model: FitsParts,
    directory: str | os.PathLike[str],
    *,
    optimizer: bool = False,
    metrics: dict[str, float] | None = None,
    data: dict[str, Any] | None = None,
    instead: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Writes the trained tensors of `model`; see `Retriever.save_prompts`.

    Args:
        model: the model.
        directory: replaced as a whole, atomically.
        optimizer: also keeps the optimizer's state.
        metrics: figures to keep in the description.
        data: where the data came from.
        instead: tensors by name in place of the model's own, as those of a named prompt.
    """
    # Imported when used, here and below: to read a description takes no TensorFlow.
    from tfprompt.models.retriever_config import describe as describe_model

    tensors = kept_tensors(model) | dict(instead or {})
    measured = measured_variables(model)
    if not model.item_table.measured:
        measured = {name: v for name, v in measured.items() if not name.startswith(WHITENING)}
    tensors |= {name: np.asarray(v.value) for name, v in measured.items()}
    with atomic_write(directory) as folder:
        folder.mkdir()
        save_file(tensors, folder / TENSORS)
        if optimizer:
            state = (optimizer_state(model), random_state(model), network_state(model))
            save_file({name: v for part in state for name, v in part.items()}, folder / OPTIMIZER)
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
                    "ids": _ids_digest(model.catalog),
                    "vectors": {
                        name: model.catalog.vectors_fingerprint(name)
                        for name in model.item_table.extra
                        if name in model.catalog.vectors
                    },
                },
                "features": meaning_of_columns(model),
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
    if missing := sorted(_REQUIRED - description.keys()):
        raise CheckpointError(f"{path} is damaged: it lacks {', '.join(missing)}.")
    return description


def restore(model: FitsParts, directory: str | os.PathLike[str]) -> None:
    """Puts saved tensors, and the optimizer's state where it was saved, into `model`.

    Raises:
        CheckpointError: another backbone, other tensors, or a damaged file.
    """
    from tfprompt.models.retriever_config import check_backbone

    description = describe(directory)
    check_backbone(description["backbone"], model.encoder.loaded)
    measured = (getattr(model, name, None) for name in ("bias", "together"))
    by_row = model.collaborative or any(part is not None for part in measured)
    if by_row and description["catalog"].get("ids") != _ids_digest(model.catalog):
        raise CheckpointError(
            "Ids, biases and neighbours belong to the items of their catalog, row by row: "
            f"{directory} was trained on {description['catalog'].get('items')} items. Received: a "
            f"catalog of {len(model.catalog)} other items, or in another order."
        )
    if (features := meaning_of_columns(model)) != description.get("features", features):
        raise CheckpointError(
            "Features and ratings belong to the columns they were trained on: categories by their "
            "order, numbers by mean and deviation. Received: other values in one of "
            f"{sorted(features.keys() | description['features'].keys())}."
        )
    # All is read and checked before anything is assigned: a refused file changes nothing.
    tensors = _read(Path(directory) / TENSORS)
    folded = folded_names(model)
    variables = {n: v for n, v in trained_variables(model).items() if n not in folded}
    variables |= measured_variables(model)
    whitening = {name: v for name, v in tensors.items() if name.startswith(WHITENING)}
    if not whitening:  # saved before its catalog was read; that of now is measured then
        variables = {n: v for n, v in variables.items() if not n.startswith(WHITENING)}
    _check_same(directory, {k: v.shape for k, v in tensors.items()}, variables)
    broken = sorted(name for name, value in tensors.items() if not np.isfinite(value).all())
    if broken:
        raise CheckpointError(
            f"The tensors in {directory} must be finite. Received: NaN or infinite values in "
            f"{', '.join(broken[:5])}; the training diverged."
        )
    path = Path(directory) / OPTIMIZER
    state = _read(path) if path.exists() and model.compiled else {}
    random = [state.pop(name) for name in sorted(state) if name.startswith(RANDOM)]
    inner = {name: state.pop(name) for name in sorted(state) if name.startswith(NETWORK)}
    check_random(model, random, directory)
    if state:
        check_optimizer(model, state, directory)
    if whitening:
        table = {name.removeprefix("item_table/"): value for name, value in whitening.items()}
        model.item_table.keep_whitening(table)
    for name, variable in variables.items():
        if name not in whitening:
            variable.assign(tensors[name])
    for layer in networks(model):
        layer.assign(layer.prompt)  # as the file has it, folded
    restore_networks(model, inner)
    model.encoder.started = True
    model.epochs_done = int(description["epochs"])
    if state:
        for variable, name in zip(model.optimizer.variables, sorted(state), strict=True):
            variable.assign(state[name])
    if random:
        for variable, value in zip(random_variables(model), random, strict=True):
            variable.assign(value)


def read_tensors(directory: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The trained tensors by name, without a model to put them into.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    tensors = _read(Path(directory) / TENSORS)
    return {
        name: value
        for name, value in tensors.items()
        if name not in MEASURED and not name.startswith((TUNING, WHITENING))
    }


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
        f"template or the options; to train some parts alone, save inside "
        f"`model.training_only`): {details}."
    )


def _ids_digest(catalog: Catalog) -> str:
    """sha256 over the item ids in their order; unlike the fingerprint it ignores their texts."""
    return hashlib.sha256("\x1e".join(catalog.ids.tolist()).encode()).hexdigest()


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is missing or damaged: {error}.") from error


def _contents(directory: Path) -> str:
    if not directory.is_dir():
        return "nothing, since it is no directory"
    return ", ".join(sorted(path.name for path in directory.iterdir())[:8]) or "nothing"
