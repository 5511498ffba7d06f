"""`tfprompt export`: a run as a SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tfprompt.cli import options, output

EXAMPLE = "Example: tfprompt export runs/ml models/ml/1"


def export(
    run: options.RunDirectory,
    directory: Annotated[Path, typer.Argument(help="Where to write: MODEL/VERSION.")],
    k: Annotated[int | None, typer.Option(help="Items in an answer of the model.")] = None,
    json: options.Json = False,
) -> None:
    """Write the best epoch as a SavedModel for TensorFlow Serving."""
    from tfprompt.runs.run import Run

    opened = Run(run)
    with output.working("Exporting"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        opened.description()
        opened.model().export(str(directory), k=k)
        signatures = _signatures(directory)
    size_bytes = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    if json:
        output.emit_json(
            {"directory": str(directory), "size_bytes": size_bytes, "signatures": signatures}
        )
        return
    print(f"{directory}: {size_bytes / 1e6:.1f} MB")
    rows = [
        [name, ", ".join(sides["inputs"]), ", ".join(sides["outputs"])]
        for name, sides in signatures.items()
    ]
    output.table(["signature", "inputs", "outputs"], rows)


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
