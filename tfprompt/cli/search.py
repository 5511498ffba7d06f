"""`tfprompt search`: which of several templates is best on validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfprompt.cli import options, output
from tfprompt.cli.failures import Stopped, status_of
from tfprompt.cli.options import MODEL, field
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.prompts.search import Slots, Trial, Trials
    from tfprompt.runs.config import RunConfig

EXAMPLE = (
    "Example: tfprompt search --data movielens-100k "
    "--template '(a person|someone) who liked {history:items}' --epochs 1 --output search.json"
)
_METHODS = ("beam", "halving")


def search(
    templates: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            help="A template with alternatives in parentheses: (liked|watched). May be repeated.",
        ),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option("--output", help="JSON file of all scores; goes on with those in it."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="beam fills one place after the other; halving tries all with few epochs and the "
            "better half with more."
        ),
    ] = "beam",
    width: Annotated[
        int | None, typer.Option(help="Templates that a beam keeps; 3 by default.")
    ] = None,
    budgets: Annotated[
        list[int] | None,
        typer.Option("--budget", help="Epochs of one round of halving, repeated: 1, 2 and 4."),
    ] = None,
    config: options.Config = None,
    settings: options.Set = None,
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
    prompt_layer: Annotated[int | None, field("prompt_layer", panel=MODEL)] = None,
    max_history: Annotated[int | None, field("max_history", panel=MODEL)] = None,
    collaborative: Annotated[int | None, field("collaborative", panel=MODEL)] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Epochs of each training of a beam; 1 by default.", rich_help_panel="Training"
        ),
    ] = None,
    batch_size: Annotated[int | None, field("batch_size")] = None,
    learning_rate: Annotated[float | None, field("learning_rate")] = None,
    seed: Annotated[int | None, field("seed")] = None,
) -> None:
    """Score templates by short trainings, and print them, the best first.

    A score is the NDCG@10 of validation; the test part is not looked at. With --output the search
    goes on where it was interrupted.
    """
    given = dict(locals())
    own = ("templates", "path", "method", "width", "budgets", "config", "settings", "json")
    for name in own:
        del given[name]
    if not templates:
        raise ConfigError("A search has a template: --template '(a|b) {history:items}'.")
    _check_method(method, width, budgets, epochs)
    wanted = options.gather(config, settings, given, {"epochs": 1})
    try:
        trials = _run(wanted, templates, path, method, width or 3, budgets or [1, 2, 4])
    except KeyboardInterrupt as error:
        kept = "" if path is None else f"{path} holds the scores so far; the same command goes on"
        raise Stopped(kept, status_of(error)) from error
    _show(trials, json)


def _check_method(
    method: str, width: int | None, budgets: list[int] | None, epochs: int | None
) -> None:
    """Refuses options that the method does not read."""
    if method not in _METHODS:
        raise ConfigError(f"--method is one of {', '.join(_METHODS)}. Received: {method!r}.")
    unread = {"--budget": budgets} if method == "beam" else {"--width": width, "--epochs": epochs}
    for option, value in unread.items():
        if value is not None and value != []:
            other = "halving" if method == "beam" else "beam"
            raise ConfigError(
                f"{option} belongs to --method {other}. Received: it beside --method {method}."
            )


def _run(
    config: RunConfig,
    templates: list[str],
    path: Path | None,
    method: str,
    width: int,
    budgets: list[int],
) -> Trials:
    from tfprompt import _environment

    with output.working("Loading"):
        _environment.load_tensorflow()
        from tfprompt.prompts.search import Slots, Trials, beam_search, successive_halving
        from tfprompt.runs.template_score import TemplateScore

        score = TemplateScore(config)
        several = [Slots.parse(template) for template in templates]
        trials = Trials(path, about=score.about, progress=_note)
        for slots in several:
            slots.check(score.check)
        if method == "halving":
            successive_halving(_all(several), score, budgets, trials=trials)
        else:
            for slots in several:
                beam_search(slots, score, width=width, trials=trials)
    return trials


def _all(several: list[Slots]) -> list[str]:
    return [slots.template(choice) for slots in several for choice in slots]


def _note(trial: Trial) -> None:
    output.stop_spinners()
    epochs = f", {trial.budget:g} epochs" if trial.budget else ""
    output.note(f"{trial.score:.4f} in {trial.seconds:.0f} s{epochs}: {trial.template}")


def _show(trials: Trials, json: bool) -> None:
    best = trials.best
    if json:
        table = [
            {"template": t.template, "val_ndcg@10": t.score, "epochs": t.budget, "s": t.seconds}
            for t in trials.table
        ]
        output.emit_json({"best": best.template, "trials": table})
        return
    budgets = any(trial.budget for trial in trials)
    names = ["NDCG@10", *(["epochs"] if budgets else []), "seconds", "template"]
    rows: list[list[str]] = []
    for trial in trials.table:
        budget = [f"{trial.budget:g}"] if budgets else []
        rows.append([f"{trial.score:.4f}", *budget, f"{trial.seconds:.0f}", trial.template])
    output.table(names, rows, numbers=("NDCG@10", "epochs", "seconds"))
    quoted: Any = best.template.replace("'", "'\\''")
    print(f"next: tfprompt fit --template '{quoted}' …")
