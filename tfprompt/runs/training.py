"""`train`: a configuration into a directory, from the start or from where it was interrupted."""

from __future__ import annotations

import datetime
import importlib.util
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

import tfprompt
from tfprompt._files import write_json
from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.runs import lock
from tfprompt.runs.building import build_model, build_optimizer
from tfprompt.runs.config import RunConfig
from tfprompt.runs.history import standing, write_rows
from tfprompt.runs.recorder import Recorder
from tfprompt.runs.run import CONFIG, FORMAT, Run
from tfprompt.runs.sources import load_data, split_data
from tfprompt.training.distribution import strategy

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset
    from tfprompt.data.split import Split
    from tfprompt.models.retriever import Retriever


def train(
    config: RunConfig,
    output: str | os.PathLike[str],
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    stop_after: int | None = None,
) -> Run:
    """Trains a model into a directory; see `Run` for what it writes.

    A directory that holds the same configuration is continued: with the optimizer's state, the
    learning rate, the order of batches and the dropout of a run that was never interrupted. A
    finished run is left as it is.

    Args:
        config: what to train.
        output: the run directory, made where it is missing.
        callbacks: more Keras callbacks.
        stop_after: stops after so many epochs, to be continued by another call.

    Returns:
        The run; `run.model()` loads its best epoch.

    Raises:
        ConfigError: the configuration breaks a rule, or the loss became infinite.
        CheckpointError: the directory holds another run, something else, or is in use.
        TfpromptError: data, template or backbone cannot be used.

    Example:
        run = tp.runs.train(tp.runs.RunConfig(data="movielens-100k", epochs=5), "runs/ml")
    """
    if stop_after is not None and stop_after < 1:
        raise ConfigError(f"stop_after is 1 or more. Received: {stop_after}.")
    config = config.resolved()
    directory = Path(output)
    _check_directory(directory, config)
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ConfigError(
            "Logs for TensorBoard need the package tensorboard. Received: tensorboard=True "
            "without it. Run `pip install tensorboard`."
        )
    directory.mkdir(parents=True, exist_ok=True)
    with lock.held(directory):
        # Again, since another process may have begun in the meantime.
        begun = _check_directory(directory, config)
        if begun and begun.finished:
            begun.note(f"{directory} is finished already: best epoch {_best(begun)}")
            return begun
        return _train(config, directory, begun, callbacks, stop_after)


def _train(
    config: RunConfig,
    directory: Path,
    begun: Run | None,
    callbacks: Sequence[keras.callbacks.Callback],
    stop_after: int | None,
) -> Run:
    dataset = load_data(config)
    if begun:
        begun.check_data(dataset.fingerprint)
    split = split_data(config, dataset)
    # Layers without a seed of their own (the projections) take theirs from this one.
    keras.utils.set_random_seed(config.seed)
    with strategy(config.strategy).scope():
        model = build_model(config, dataset.items)
        model.compile(optimizer=build_optimizer(config, model, split.train))
    if begun is None:
        write_json(directory / CONFIG, _record(config, dataset, split, model))
    run = Run(directory)
    rows = _resume(run, model) if begun else []
    share = model.trainable_parameters / (model.total_parameters - model.trainable_parameters)
    run.note(
        f"{'resumed after epoch ' + str(len(rows)) if rows else 'started'}: {dataset!r}, "
        f"{model.trainable_parameters:,} trained parameters "
        f"({share:.2%} of {model.encoder.loaded.name})"
    )
    try:
        model.fit(
            split.train,
            validation_data=split.validation,
            batch_size=config.batch_size,
            epochs=config.epochs,
            initial_epoch=len(rows),
            seed=config.seed,
            shuffle=False,  # the batches come shuffled; Keras would warn that it cannot
            verbose=0,
            callbacks=[Recorder(run, rows, stop_after), *_tensorboard(run), *callbacks],
        )
    except BaseException as error:
        run.note(f"stopped in epoch {len(rows) + 1}: {type(error).__name__} {error}".strip())
        raise
    done = "finished" if run.finished else f"paused after epoch {len(rows)}"
    run.note(f"{done}: best epoch {_best(run)}")
    return run


def _check_directory(directory: Path, config: RunConfig) -> Run | None:
    """The run that is in the directory already, if it is this one."""
    if not (directory / CONFIG).exists():
        if directory.exists() and not directory.is_dir():
            raise CheckpointError(f"A run directory is a directory. Received: {directory}, a file.")
        # What begins with a dot is our lock, or left by a process that was killed.
        names = [path.name for path in directory.glob("*")] if directory.exists() else []
        others = [name for name in names if not name.startswith(".")]
        if others:
            raise CheckpointError(
                f"A new run needs an empty directory. Received: {directory}, which holds "
                f"{', '.join(sorted(others)[:5])}."
            )
        return None
    run = Run(directory)
    differences = run.config.differences(config)
    if differences:
        listed = ", ".join(f"{k} ({a!r} there, {b!r} now)" for k, (a, b) in differences.items())
        raise CheckpointError(
            f"{directory} holds a run with another configuration: {listed}. Choose another "
            f"directory, or go on with its own: `tfprompt fit --resume {directory}`."
        )
    return run


def _resume(run: Run, model: Retriever) -> list[dict[str, float]]:
    """Restores the newest checkpoint; the log's rows up to it."""
    rows = run.rows
    if not run.checkpoint("last").exists():
        if len(rows) > 1:
            raise CheckpointError(
                f"A run of {len(rows)} epochs has a checkpoint to go on from. Received: "
                f"{run.checkpoint('last')}, which is missing. Train into a new directory."
            )
        write_rows(run.log_path, [])
        return []
    model.load_prompts(run.checkpoint("last"))
    if model.epochs_done > len(rows):
        raise CheckpointError(
            f"{run.log_path} must hold the {model.epochs_done} epochs of the checkpoint. "
            f"Received: {len(rows)}. Train into a new directory."
        )
    del rows[model.epochs_done :]
    return rows


def _record(config: RunConfig, dataset: Dataset, split: Split, model: Retriever) -> dict[str, Any]:
    """What `config.json` holds."""
    from importlib.metadata import version

    backbone = model.encoder.loaded
    packages = ("tensorflow", "keras", "keras-hub", "tensorflow-recommenders", "numpy", "polars")
    return {
        "format": FORMAT,
        "config": config.to_dict(),
        "template": model.encoder.template.source,
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "split": split.name,
            "split_fingerprint": split.fingerprint,
            "users": len(dataset.user_ids),
            "items": len(dataset.items),
            "events": dataset.interactions.height,
            "training_events": len(split.train.items),
        },
        "backbone": {
            "name": backbone.name,
            "preset": backbone.preset,
            "fingerprint": backbone.fingerprint,
        },
        "trainable_parameters": model.trainable_parameters,
        "total_parameters": model.total_parameters,
        "versions": {
            "tfprompt": tfprompt.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _tensorboard(run: Run) -> list[keras.callbacks.Callback]:
    if not run.config.tensorboard:
        return []
    return [keras.callbacks.TensorBoard(str(run.directory / "tensorboard"), write_graph=False)]


def _best(run: Run) -> str:
    state = standing(run.rows)
    return f"{state.best_epoch} of {state.epochs}, validation NDCG@10 {state.best:.4f}"
