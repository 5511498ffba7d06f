"""`tfprompt inspect`: what was trained, read from the run's files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfprompt.cli import options, output

if TYPE_CHECKING:
    from tfprompt.runs.run import Run

EXAMPLE = "Example: tfprompt inspect runs/ml --words 5"


def inspect(
    run: options.RunDirectory,
    words: Annotated[
        int, typer.Option(help="Nearest words of each prompt vector; loads the backbone.")
    ] = 0,
    json: options.Json = False,
) -> None:
    """Show a run's template, trained tensors, fingerprints and progress.

    Needs neither data nor backbone, unless asked for words.
    """
    from tfprompt.models import prompt_files
    from tfprompt.runs.run import Run

    opened = Run(run)
    description = opened.description()
    tensors = prompt_files.read_tensors(opened.checkpoint())
    found: dict[str, Any] = {
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
    if words > 0:
        found["words"] = _words(opened, description, tensors, words)
    if json:
        output.emit_json(found)
    else:
        _show(found, opened.checkpoint())


def _segments(description: dict[str, Any]) -> list[dict[str, Any]]:
    """The template as a token plan: what stands there, how many tokens, whether it is trained."""
    from tfprompt.prompts import (
        Candidate,
        Feature,
        Field,
        History,
        Mask,
        Soft,
        Template,
        TextHistory,
    )

    history = f"1 + up to {description['encoder']['max_history']}"
    rows = []
    for segment in Template.parse(description["template"]).segments:
        row: dict[str, Any]
        if isinstance(segment, Soft):
            start = f'from "{segment.words}"' if segment.words else segment.initializer
            row = {"segment": f"soft prompt, {start}", "tokens": str(segment.length)}
            row["trained"] = True
        elif isinstance(segment, History):
            row = {"segment": "start and past items", "tokens": history, "trained": True}
        elif isinstance(segment, Feature):
            row = {"segment": f"feature {segment.name}", "tokens": "1", "trained": True}
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


def _words(
    run: Run, description: dict[str, Any], tensors: dict[str, Any], count: int
) -> dict[str, Any]:
    """Nearest words by tensor and vector."""
    with output.working("Comparing with words"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        from tfprompt.encoders.loading import load_backbone
        from tfprompt.runs.words import nearest_words

        loaded = load_backbone(run.config.encoder)
        layer = description["encoder"]["prompt_layer"]
        # Deep prompts stand at other layers, where words have other states.
        return {
            name: [
                [{"word": word, "cosine": round(cosine, 4)} for word, cosine in near]
                for near in nearest_words(loaded, layer, value, count)
            ]
            for name, value in tensors.items()
            if "/soft_" in name and len(value)
        }


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
    for name, vectors in found.get("words", {}).items():
        print(f"\nnearest words of {name}")
        for number, near in enumerate(vectors):
            listed = ", ".join(f"{each['word']} {each['cosine']:.2f}" for each in near)
            print(f"  {number}: {listed}")
