"""`tfprompt inspect`: what was trained, read from the run's files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfprompt.cli import options, output

if TYPE_CHECKING:
    from tfprompt.runs.run import Run

EXAMPLE = "Example: tfprompt inspect runs/ml --explain 181 --user 42 --attention --output why.html"

_PROMPTS, _REQUEST = "Prompts", "One request"


def inspect(
    run: options.RunDirectory,
    words: Annotated[
        int,
        typer.Option(
            help="Nearest words of each prompt vector; loads the backbone.",
            rich_help_panel=_PROMPTS,
        ),
    ] = 0,
    similar: Annotated[
        bool, typer.Option("--similar", help="Cosines of the prompts.", rich_help_panel=_PROMPTS)
    ] = False,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR",
            help="Another run, or saved prompts, whose prompts are compared with these.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(help="Layer of the prompts compared; the seam.", rich_help_panel=_PROMPTS),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="ITEM",
            help="What raised this item's score for the request.",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    rather_than: Annotated[
        str | None,
        typer.Option(
            metavar="ITEM",
            help="What raised the explained item's score above this one's.",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    attention: Annotated[
        bool,
        typer.Option(
            "--attention",
            help="What the read-out attends to in the request.",
            rich_help_panel=_REQUEST,
        ),
    ] = False,
    wish: Annotated[
        str | None, typer.Option(help="As in recommend.", rich_help_panel=_REQUEST)
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="As in recommend.", rich_help_panel=_REQUEST)
    ] = None,
    history: Annotated[
        str | None, typer.Option(help="As in recommend.", rich_help_panel=_REQUEST)
    ] = None,
    titles: Annotated[
        str | None, typer.Option(help="As in recommend.", rich_help_panel=_REQUEST)
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="As in recommend.", rich_help_panel=_REQUEST),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write what is explained to a .html or .png file too."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Show what a run trained, and explain it: its prompts, or one recommendation.

    Alone it needs neither data nor backbone. With `--similar`, `--explain` or `--attention` it
    prints that instead of the run.
    """
    from tfprompt.cli import explaining
    from tfprompt.runs.run import Run

    opened = Run(run)
    description = opened.description()
    asked = explaining.Asked(
        words=words, similar=similar, prompts=options.pairs(prompt, "--prompt"), layer=layer,
        item=explain, rather_than=rather_than, attention=attention, wish=wish, user=user,
        history=history, titles=titles, profile=options.pairs(profile, "--profile"), file=file,
    )  # fmt: skip
    asked.check()
    answers = explaining.answers(opened, asked)
    if file is not None:
        explaining.joined(opened, answers).write(file)
    if json:
        found = _found(run, opened, description)
        output.emit_json({**found, **{name: each.to_dict() for name, each in answers.items()}})
        return
    if not asked.elsewhere:
        _show(_found(run, opened, description), opened.checkpoint())
        print(end="\n" if answers else "")
    if answers:
        print(explaining.joined(opened, answers).to_text())
    if file is not None:
        output.note(f"written: {file}")


def _found(run: Path, opened: Run, description: dict[str, Any]) -> dict[str, Any]:
    """What the run's files say."""
    from tfprompt.models import prompt_files

    tensors = prompt_files.read_tensors(opened.checkpoint())
    return {
        "run": str(run),
        "template": description["template"],
        "segments": _segments(description),
        "encoder": description["encoder"],
        "model": description["model"],
        "temperature": _temperature(description, tensors),
        "tensors": {name: list(value.shape) for name, value in tensors.items()},
        "trainable_parameters": description["trainable_parameters"],
        "total_parameters": description["total_parameters"],
        "backbone": description["backbone"],
        "data": opened.record["data"],
        "versions": opened.record["versions"],
        "epochs": opened.standing.epochs,
        "best_epoch": description["epochs"],
        "finished": opened.finished,
        "metrics": description["metrics"],
    }


def _segments(description: dict[str, Any]) -> list[dict[str, Any]]:
    """The template as a token plan: what stands there, how many tokens, whether it is trained."""
    from tfprompt.prompts import (
        Candidate,
        Feature,
        Field,
        History,
        Mask,
        Personal,
        Pool,
        Soft,
        Task,
        Template,
        TextHistory,
    )

    history = f"1 + up to {description['encoder']['max_history']}"
    rows = []
    for segment in Template.parse(description["template"]).segments:
        row: dict[str, Any]
        if isinstance(segment, Soft):
            start = f'from "{segment.words}"' if segment.words else segment.initializer
            start += f" of {segment.column}" if segment.column else ""
            row = {"segment": f"soft prompt, {start}", "tokens": str(segment.length)}
            row["trained"] = True
        elif isinstance(segment, History):
            row = {"segment": "start and past items", "tokens": history, "trained": True}
        elif isinstance(segment, Feature):
            row = {"segment": f"feature {segment.name}", "tokens": "1", "trained": True}
        elif isinstance(segment, Personal | Task):
            kind = "personal prompt" if isinstance(segment, Personal) else "prompt of tasks"
            row = {"segment": f"{kind}, by {segment.name}", "tokens": str(segment.length)}
            row["trained"] = True
        elif isinstance(segment, Pool):
            what = f"pool, {segment.chosen} of {segment.size} prompts"
            row = {"segment": what, "tokens": str(segment.length), "trained": True}
        elif isinstance(segment, Field):
            row = {"segment": f"text of {segment.name}", "tokens": "its pieces", "trained": False}
        elif isinstance(segment, TextHistory):
            row = {"segment": f"newest {segment.count} items as words", "tokens": "their pieces"}
            row["trained"] = False
        elif isinstance(segment, Candidate):
            tokens = "1" if segment.form == "token" else "its pieces"
            row = {"segment": f"item to judge, as {segment.form}", "tokens": tokens}
            row["trained"] = segment.form == "token"
        elif isinstance(segment, Mask):
            row = {"segment": "mask", "tokens": "1", "trained": False}
        else:
            row = {"segment": f'"{segment.text.strip()}"', "tokens": "its pieces"}
            row["trained"] = False
        rows.append(row)
    return rows


def _temperature(description: dict[str, Any], tensors: dict[str, Any]) -> float:
    learned = [value for name, value in tensors.items() if name.endswith("log_temperature")]
    return math.exp(float(learned[0])) if learned else description["model"]["temperature"]


def _show(found: dict[str, Any], checkpoint: Path) -> None:
    backbone, data = found["backbone"], found["data"]
    frozen = found["total_parameters"] - found["trainable_parameters"]
    state = "finished" if found["finished"] else "not finished"
    print(f"{found['run']}: epoch {found['best_epoch']} of {found['epochs']} is best ({state})")
    print(f"template: {found['template']}")
    rows = [
        [row["segment"], row["tokens"], "trained" if row["trained"] else "frozen"]
        for row in found["segments"]
    ]
    output.table(["segment", "tokens", ""], rows, numbers=("tokens",))
    print(
        f"seam at layer {found['encoder']['prompt_layer']}, "
        f"deep prompts: {'yes' if found['encoder']['deep'] else 'no'}, "
        f"read-out: {found['encoder']['read_out']}, temperature: {found['temperature']:.4g}"
    )
    rows = [
        [name, "×".join(map(str, shape)) or "scalar", f"{math.prod(shape):,}"]
        for name, shape in found["tensors"].items()
    ]
    output.table(["tensor", "shape", "numbers"], rows, numbers=("shape", "numbers"))
    trained = found["trainable_parameters"]
    print(f"trained:  {trained:,} ({trained / frozen:.2%})")
    print(f"frozen:   {frozen:,}")
    print(f"backbone: {backbone['name']} {backbone['fingerprint'][:12]}")
    print(f"data:     {data['name']} {data['fingerprint'][:12]}, {data['split']}")
    print(f"files:    {checkpoint}")
