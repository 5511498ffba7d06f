"""`tfprompt export`: a run as a SavedModel, or a served model with another catalog or prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tfprompt.cli import options, output
from tfprompt.errors import ConfigError

EXAMPLE = (
    "Example: tfprompt export runs/ml models/ml/1. Another catalog: "
    "tfprompt export --reuse models/ml/1 --items new.parquet"
)


def export(
    run: Annotated[
        Path | None,
        typer.Argument(help="Run directory, as `tfprompt fit` writes it; none with --items."),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Argument(
            help="MODEL/VERSION, or MODEL for its next version; FILE.tflite for a device."
        ),
    ] = None,
    k: Annotated[int | None, typer.Option(help="The most items in an answer.")] = None,
    titles: Annotated[bool, typer.Option(help="Answer with titles too.")] = False,
    catalog: Annotated[
        str | None,
        typer.Option(help="How item vectors are stored: float32 (default), bfloat16 or int8."),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Take token ids; needs no TensorFlow Text.")
    ] = False,
    quantize: Annotated[
        str | None, typer.Option(help="Of FILE.tflite: fp16, dynamic or int8; float32 if none.")
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="A further prompt, NAME=DIRECTORY; repeatable."),
    ] = None,
    reuse: Annotated[
        Path | None, typer.Option(help="A version to share the frozen network's file with.")
    ] = None,
    items: Annotated[
        Path | None, typer.Option(help="A new catalog for the version of --reuse, without a run.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="A column of --items under another name, as item_id=sku; repeatable."),
    ] = None,
    check: Annotated[bool, typer.Option(help="Check the artifact before it appears.")] = True,
    json: options.Json = False,
) -> None:
    """Write the best epoch as a SavedModel for TensorFlow Serving, warmed up and checked."""
    prompts = options.pairs(prompt, "--prompt")
    form = {"--titles": titles, "--catalog": catalog is not None, "--tokens": tokens}
    of_catalog = {"--items": items is not None, "--column": bool(column)}
    if directory is not None and directory.suffix == ".tflite":
        others = {"--prompt": bool(prompts), "--reuse": reuse is not None}
        _takes_no("A file for devices", "FILE.tflite", {**form, **others, **of_catalog})
        _device_file(run, directory, k, quantize, check, json)
        return
    if quantize is not None:
        raise ConfigError("--quantize is of a file for devices, FILE.tflite. Received: none.")
    exchanged = items is not None or (run is None and reuse is not None)
    if exchanged:
        made_of = "--reuse, which answers as before"
        _takes_no("A version made of another", made_of, {"--k": k is not None, **form})
    if items is None:
        _takes_no("An export without --items", "no --items", {"--column": bool(column)})
    with output.working("Exporting"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        if exchanged:
            made = _exchanged(run, directory, reuse, items, column, prompts, check)
        else:
            chosen = {"titles": titles, "tokens": tokens, "prompts": prompts}
            chosen |= {"share_with": reuse, "check": check}
            chosen |= {n: v for n, v in (("k", k), ("catalog", catalog)) if v is not None}
            made = {"directory": str(_of_run(run, directory, reuse, chosen))}
    target = Path(made["directory"])
    files = [path for path in target.rglob("*") if path.is_file()]
    made["size_bytes"] = sum(path.stat().st_size for path in files)
    made["shared_bytes"] = sum(p.stat().st_size for p in files if p.stat().st_nlink > 1)
    made["signatures"] = _signatures(target)
    if json:
        output.emit_json(made)
        return
    shared = f", {made['shared_bytes'] / 1e6:.1f} MB of it shared" if made["shared_bytes"] else ""
    took = f", in {made['seconds']:.1f} s" if "seconds" in made else ""
    print(f"{target}: {made['size_bytes'] / 1e6:.1f} MB{shared}{took}")
    rows = [
        [name, ", ".join(sides["inputs"]), ", ".join(sides["outputs"])]
        for name, sides in made["signatures"].items()
    ]
    output.table(["signature", "inputs", "outputs"], rows)


def _takes_no(what: str, why: str, given: dict[str, bool]) -> None:
    """Refuses options that would have no effect.

    Args:
        what: what is exported.
        why: what made it so.
        given: the options without effect by name, and whether they were given.
    """
    if unused := [name for name, is_given in given.items() if is_given]:
        raise ConfigError(
            f"{what} does not take {', '.join(unused)}. Received: {why}. Leave out what it does "
            "not take."
        )


def _device_file(
    run: Path | None, file: Path, k: int | None, quantize: str | None, check: bool, json: bool
) -> None:
    """Writes a LiteRT file, its int8 ranges measured on the validation part."""
    from tfprompt.runs.run import Run

    if run is None:
        raise ConfigError("A file for devices is exported from a run directory. Received: none.")
    opened = Run(run)
    opened.description()
    with output.working("Exporting"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        path = opened.model().export(
            str(file), format="litert", k=k, quantize=quantize, check=check,
            calibration=opened.split.validation,
        )  # fmt: skip
    beside = sorted(path.parent.glob(f"{path.stem}.*"))
    sizes = {each.name: each.stat().st_size for each in beside}
    if json:
        output.emit_json({"file": str(path), "size_bytes": sizes})
        return
    output.table(
        ["file", "MB"], [[name, f"{size / 1e6:.2f}"] for name, size in sizes.items()], ("MB",)
    )


def _of_run(
    run: Path | None, directory: Path | None, reuse: Path | None, chosen: dict[str, Any]
) -> Path:
    """The best epoch of a run as an artifact, warmed up with requests of its users."""
    if run is None:
        raise ConfigError(
            "An export needs a run directory, or --reuse with --items or --prompt. "
            "Received: neither."
        )
    from tfprompt.artifacts import sample_requests
    from tfprompt.runs.run import Run

    opened = Run(run)
    description = opened.description()
    if directory is None:
        if reuse is None:
            raise ConfigError("An export needs a directory, MODEL/VERSION. Received: none.")
        directory = reuse.parent
    directory = _version(directory)
    about = {
        "data": opened.record["data"],
        "metrics": {f"validation_{n}": v for n, v in (description.get("metrics") or {}).items()},
    }
    examples = sample_requests(opened.dataset)
    return opened.model().export(str(directory), examples=examples, about=about, **chosen)


def _exchanged(
    run: Path | None,
    directory: Path | None,
    reuse: Path | None,
    items: Path | None,
    column: list[str] | None,
    prompts: dict[str, str],
    check: bool,
) -> dict[str, Any]:
    """A version with another catalog or other prompts; the one argument is where it goes."""
    if reuse is None or (run is not None and directory is not None):
        raise ConfigError(
            "A new catalog is put into a version that is served: --reuse VERSION --items FILE "
            "[DIRECTORY], without a run."
        )
    from tfprompt.artifacts import read_card, reuse_artifact
    from tfprompt.data.items import read_items

    card = read_card(reuse)
    catalog = None
    if items is not None:
        names = options.pairs(column, "--column")
        catalog = read_items(items, item_text=card["item_text"], columns=names)
    target = _version(directory or run or reuse.parent)
    made = reuse_artifact(reuse, target, items=catalog, prompts=prompts, check=check)
    return {
        "directory": str(made.directory),
        "seconds": made.seconds,
        "new_items": made.new_items,
    }


def _version(directory: Path) -> Path:
    """The directory itself where its name is a version, else the next version inside it."""
    if directory.name.isdecimal():
        return directory
    numbers = [int(path.name) for path in directory.glob("*") if path.name.isdecimal()]
    return directory / str(max(numbers, default=0) + 1)


def _signatures(directory: Path) -> dict[str, Any]:
    """Names of signatures, inputs and outputs, read from the file without loading the model."""
    from tensorflow.core.protobuf import saved_model_pb2

    parsed = saved_model_pb2.SavedModel()
    parsed.ParseFromString((directory / "saved_model.pb").read_bytes())
    return {
        name: {"inputs": sorted(signature.inputs), "outputs": sorted(signature.outputs)}
        for name, signature in sorted(parsed.meta_graphs[0].signature_def.items())
        if not name.startswith("__")
    }
