"""`tfprompt fit`: trains a model into a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfprompt.cli import options, output
from tfprompt.cli.failures import Stopped, status_of
from tfprompt.cli.options import MODEL, field
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.runs.config import RunConfig

EXAMPLE = "Example: tfprompt fit --data movielens-100k --output runs/ml --seed 0"


def fit(
    directory: Annotated[
        Path | None, typer.Option("--output", help="Run directory; goes on with the run in it.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run, with the settings it has.")
    ] = None,
    config: options.Config = None,
    settings: options.Set = None,
    stop_after: Annotated[
        int | None, typer.Option(help="Pause after so many epochs; the same command goes on.")
    ] = None,
    json: options.Json = False,
    data: options.Data = None,
    interactions: options.Interactions = None,
    items: options.Items = None,
    users: options.Users = None,
    columns: options.Column = None,
    min_rating: options.MinRating = None,
    k_core: options.KCore = None,
    item_text: options.ItemText = None,
    split: options.Split = None,
    encoder: Annotated[str | None, field("encoder", panel=MODEL)] = None,
    template: Annotated[str | None, field("template", panel=MODEL)] = None,
    prompt_layer: Annotated[int | None, field("prompt_layer", panel=MODEL)] = None,
    deep: Annotated[bool | None, field("deep", "--deep/--no-deep", panel=MODEL)] = None,
    read_out: Annotated[str | None, field("read_out", panel=MODEL)] = None,
    attention: Annotated[str | None, field("attention", panel=MODEL)] = None,
    max_history: Annotated[int | None, field("max_history", panel=MODEL)] = None,
    dropout: Annotated[float | None, field("dropout", panel=MODEL)] = None,
    tuning: Annotated[str | None, field("tuning", panel=MODEL)] = None,
    collaborative: Annotated[int | None, field("collaborative", panel=MODEL)] = None,
    temperature: Annotated[float | None, field("temperature", panel=MODEL)] = None,
    negatives: Annotated[str | None, field("negatives", panel=MODEL)] = None,
    epochs: Annotated[int | None, field("epochs")] = None,
    batch_size: Annotated[int | None, field("batch_size")] = None,
    learning_rate: Annotated[float | None, field("learning_rate")] = None,
    schedule: Annotated[str | None, field("schedule")] = None,
    warmup_epochs: Annotated[float | None, field("warmup_epochs")] = None,
    weight_decay: Annotated[float | None, field("weight_decay")] = None,
    clipnorm: Annotated[float | None, field("clipnorm")] = None,
    patience: Annotated[int | None, field("patience")] = None,
    seed: Annotated[int | None, field("seed")] = None,
    strategy: Annotated[str | None, field("strategy")] = None,
    tensorboard: Annotated[
        bool | None, field("tensorboard", "--tensorboard/--no-tensorboard")
    ] = None,
) -> None:
    """Train prompts and projections into a run directory.

    Run it again with the same settings to go on after an interruption. The best epoch by
    validation NDCG@10 is what the other commands use; the test part is not looked at.
    """
    given = dict(locals())
    for name in ("directory", "resume", "config", "settings", "stop_after", "json"):
        del given[name]
    target, wanted = _wanted(directory, resume, config, settings, given)
    _train(wanted, target, stop_after, json)


def _wanted(
    directory: Path | None,
    resume: Path | None,
    config: Path | None,
    settings: list[str] | None,
    given: dict[str, Any],
) -> tuple[Path, RunConfig]:
    """Where to train, and what."""
    if resume is None:
        if directory is None:
            raise ConfigError("A run needs a directory: --output runs/ml.")
        return directory, options.gather(config, settings, given)
    others = [name for name, value in given.items() if value is not None]
    if directory or config or settings or others:
        raise ConfigError("--resume takes the run's own settings and stands alone.")
    from tfprompt.runs.run import Run

    return resume, Run(resume).config


def _train(config: RunConfig, directory: Path, stop_after: int | None, json: bool) -> None:
    from tfprompt import _environment

    try:
        with output.working("Loading"):
            _environment.load_tensorflow()
            from tfprompt.cli.progress import FitProgress
            from tfprompt.runs.training import train

            progress = FitProgress(config.epochs)
            try:
                run = train(config, directory, callbacks=[progress], stop_after=stop_after)
            finally:
                progress.close()
    except KeyboardInterrupt as error:
        raise Stopped(_kept(directory), status_of(error)) from error
    state = run.standing
    if json:
        output.emit_json(
            {
                "run": str(directory),
                "finished": run.finished,
                "epochs": state.epochs,
                "best_epoch": state.best_epoch,
                "val_ndcg@10": state.best,
                "trainable_parameters": run.record["trainable_parameters"],
                "total_parameters": run.record["total_parameters"],
            }
        )
        return
    print(
        f"{directory}: best epoch {state.best_epoch} of {state.epochs}, validation NDCG@10 "
        f"{state.best:.4f}"
    )
    print(f"next: tfprompt evaluate {directory}" if run.finished else f"next: {_again(directory)}")


def _again(directory: Path) -> str:
    return f"tfprompt fit --resume {directory}"


def _kept(directory: Path) -> str:
    best = directory / "checkpoint" / "best"
    if best.exists():
        return f"interrupted; the best checkpoint is kept in {best}; go on: {_again(directory)}"
    if (directory / "config.json").exists():
        return f"interrupted before the first epoch was done; start over: {_again(directory)}"
    return "interrupted before training began; run the same command again"
