"""Writes a retriever as a LiteRT file for phones and other small devices."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tfprompt._files import write_json
from tfprompt.artifacts.litert.check import compare
from tfprompt.artifacts.litert.convert import QUANTIZE, Quantize, convert
from tfprompt.artifacts.litert.description import describe
from tfprompt.artifacts.litert.graph import DeviceGraph, Shapes, device_candidates
from tfprompt.artifacts.litert.requests import Source, device_inputs, sample
from tfprompt.artifacts.litert.text import DeviceText
from tfprompt.errors import ExportError

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever

# Requests that the ranges of int8 activations are measured on, and that are compared afterwards.
_CALIBRATED, _COMPARED = 128, 16
_RESERVED = ("history", "history_ratings", "exclude", "text", "wish")


def export_litert(
    model: Retriever,
    filepath: str | os.PathLike[str],
    *,
    k: int = 20,
    quantize: Quantize | None = None,
    max_history: int | None = None,
    exclude: int = 0,
    field_tokens: int = 16,
    wish: bool = False,
    wish_tokens: int = 32,
    catalog: Literal["inside", "beside"] | None = None,
    calibration: Source = None,
    check: bool = True,
) -> Path:
    """Exports a retriever as one `.tflite` file of built-in operations, and what belongs to it.

    `x.tflite` takes catalog rows and token ids of fixed shapes and gives the best rows, see
    `DeviceGraph`. Beside it stand `x.json` (what each input means), `x.items.txt` (item ids by
    row), `x.vocab.txt` (word pieces, where the model reads text) and, with `catalog="beside"`,
    `x.candidates.npy`. A template without fields needs only the layers above the seam in the
    file; a field, or `wish=True`, brings the whole backbone in.

    Args:
        model: a trained retriever on an encoder backbone.
        filepath: `<name>.tflite`; nothing that is there is overwritten, and all files appear
            only when they have been checked.
        k: results, at most the catalog's size.
        quantize: None (float32), "fp16", "dynamic" (int8 weights) or "int8" (activations too).
        max_history: past items H that the file takes; None takes the encoder's, one less with
            `wish`, whose vector needs a place.
        exclude: further items E that a request may rule out, beside its history.
        field_tokens: word pieces of each text field.
        wish: takes free text too.
        wish_tokens: tokens of a wish T', special ones included.
        catalog: "inside" the file, or "beside" it: then the file gives the query alone, and the
            program compares it with the candidates `[N, W]`. None takes "inside", and "beside"
            for "int8".
        calibration: a part of a split, or requests; "int8" measures its ranges on them, and the
            check asks them. None makes requests up, which int8 suffers from.
        check: runs the file in a process with `ai_edge_litert` alone and compares it with the
            model: float32 must give the same items, others are reported in `x.json`.

    Returns:
        The path of the file.

    Raises:
        ExportError: another kind of model, options out of range, files that are there already, an
            operation that LiteRT lacks, or a file that answers otherwise than the model.

    Example:
        export_litert(model, "films.tflite", k=20, quantize="dynamic")
    """
    target = Path(filepath)
    _check_model(model)
    _check_target(target)
    if quantize not in QUANTIZE or catalog not in ("inside", "beside", None):
        raise ExportError(
            f"quantize is one of {', '.join(map(repr, QUANTIZE))}, and catalog 'inside' or "
            f"'beside'. Received: quantize={quantize!r}, catalog={catalog!r}."
        )
    if quantize == "int8" and catalog == "inside":
        # Measured on MovieLens-100K: NDCG@10 fell from 0.078 to 0.
        raise ExportError(
            "Scores of int8 have 256 levels, too few to rank a catalog. Received: quantize='int8' "
            "with catalog='inside'. Use catalog='beside', or quantize='dynamic'."
        )
    inside = catalog == "inside" or (catalog is None and quantize != "int8")
    if check and importlib.util.find_spec("ai_edge_litert") is None:
        raise ExportError(
            "The check runs the file with ai_edge_litert. Received: it is not installed. "
            "pip install 'tfprompt[edge]', or pass check=False."
        )
    text = DeviceText(model.encoder, field_tokens, wish_tokens if wish else 0)
    shapes = _shapes(model, inside, k, max_history, exclude, wish)
    graph = DeviceGraph(model, text, shapes)
    measured: list[dict[str, np.ndarray]] = []
    if quantize == "int8":
        measured = [device_inputs(graph, r) for r in sample(graph, calibration, _CALIBRATED)]
    written = convert(graph, quantize, measured)
    description = {**describe(graph, quantize), "bytes": len(written)}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as folder:
        made = Path(folder) / target.name
        made.write_bytes(written)
        if check:
            asked = sample(graph, calibration, _COMPARED, seed=1)
            description["check"] = compare(graph, made, asked, exact=quantize is None)
        _write_beside(graph, made, description)
        _publish(made.parent, target)
    return target


def files_of(target: Path) -> dict[str, Path]:
    """Every file that may belong to `x.tflite`, by role."""
    endings = {
        "description": ".json",
        "items": ".items.txt",
        "vocabulary": ".vocab.txt",
        "candidates": ".candidates.npy",
        "model": ".tflite",
    }
    return {role: target.with_name(target.stem + end) for role, end in endings.items()}


def _check_model(model: Any) -> None:
    """Refuses what has no device form."""
    from tfprompt.models.retriever import Retriever

    if not isinstance(model, Retriever):
        raise ExportError(
            "A device gets a tp.Retriever: one query, compared with the catalog. Received: a "
            f"{type(model).__name__}. Export it as a SavedModel."
        )
    if model.encoder.seam.causal:
        raise ExportError(
            "A device gets an encoder backbone (BERT, RoBERTa, XLM-R, DistilBERT, ELECTRA). "
            f"Received: the decoder {model.encoder.loaded.name}. Export it as a SavedModel."
        )
    taken = sorted(set(model.encoder.template.features) & set(_RESERVED))
    if taken:
        raise ExportError(
            f"The inputs {', '.join(_RESERVED)} are the file's own. Received: a feature "
            f"{taken[0]!r}. Rename the column."
        )
    if any("\n" in item or "\r" in item for item in model.catalog.ids.tolist()):
        raise ExportError("The item file has an id a line, so no id may hold a line break.")


def _check_target(target: Path) -> None:
    if target.suffix != ".tflite":
        raise ExportError(f"A LiteRT file ends in .tflite. Received: {target}.")
    there = [path for path in files_of(target).values() if path.exists()]
    if there:
        raise ExportError(
            f"A file is never overwritten. Received: {there[0]}, which exists. Choose another "
            "name, or delete it first."
        )


def _shapes(
    model: Retriever, inside: bool, k: int, max_history: int | None, exclude: int, wish: bool
) -> Shapes:
    longest = model.encoder.max_history - int(wish and model.encoder.template.has_history)
    history = longest if max_history is None else max_history
    if k < 1 or exclude < 0 or not 1 <= history <= longest:
        raise ExportError(
            f"k is 1 or more, exclude 0 or more, and a history of this model 1 to {longest}"
            f"{' (a wish takes one place)' if wish else ''}. Received: k={k}, exclude={exclude}, "
            f"max_history={history}."
        )
    if not inside:
        return Shapes(history, k=0)
    return Shapes(history, min(k, len(model.catalog)), exclude)


def _write_beside(graph: DeviceGraph, made: Path, description: dict[str, Any]) -> None:
    """The files beside the model, in its temporary folder."""
    beside, model = files_of(made), graph.retriever
    lines = "".join(f"{item}\n" for item in model.catalog.ids.tolist())
    beside["items"].write_bytes(lines.encode())
    if graph.text.reads_tokens:
        pieces = graph.text.tokenizer.keras_tokenizer.get_vocabulary()
        beside["vocabulary"].write_bytes("".join(f"{piece}\n" for piece in pieces).encode())
    if not graph.shapes.k:
        np.save(beside["candidates"], device_candidates(model, graph.text), allow_pickle=False)
    write_json(beside["description"], description)


def _publish(folder: Path, target: Path) -> None:
    """Moves the files into place, the model last: where it stands, all of them do."""
    moved: list[Path] = []
    made = files_of(folder / target.name)
    try:
        for role, path in files_of(target).items():
            if made[role].exists():
                _move(made[role], path)
                moved.append(path)
    except OSError as error:
        for path in moved:
            path.unlink(missing_ok=True)
        raise ExportError(f"The files could not be written. Received: {error}.") from error


def _move(source: Path, path: Path) -> None:
    """Renames, but never over a file that came meanwhile."""
    try:
        os.link(source, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise
        os.replace(source, path)
