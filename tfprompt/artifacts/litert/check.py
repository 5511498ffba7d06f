"""Compares a written `.tflite` file with the Keras model, in a process as a device has it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.artifacts.litert import worker
from tfprompt.artifacts.litert.graph import device_candidates
from tfprompt.artifacts.litert.requests import device_inputs, keras_answer
from tfprompt.errors import ExportError

if TYPE_CHECKING:
    from tfprompt.artifacts.litert.graph import DeviceGraph
    from tfprompt.data.request import Request

# Two float32 programs add up in another order; scores nearer than this may change places.
_SAME_SCORE = 1e-4
_SAME_COSINE = 0.9999
# Operations of the interpreter itself, not of the file.
_OF_RUNTIME = {"DELEGATE"}
_TIMEOUT_S = 600


def run_apart(path: Path, requests: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """Answers of the file in a process of its own; see `worker.main`.

    Raises:
        ExportError: the process fails, or is not alone with the interpreter.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requests.json"
        asked.write_text(json.dumps([{k: _plain(v) for k, v in r.items()} for r in requests]))
        # -I: the process sees installed packages, not this program's paths and environment.
        done = subprocess.run(
            [sys.executable, "-I", worker.__file__, str(path), str(asked)],
            capture_output=True, text=True, cwd=folder, timeout=_TIMEOUT_S,
        )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"The file does not run with ai_edge_litert alone. Received: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    if found["foreign"]:
        raise ExportError(
            "The check runs without TensorFlow, as a device does. Received: a process that loads "
            f"{', '.join(found['foreign'])} by itself; look for a .pth file in site-packages."
        )
    return found


def compare(graph: DeviceGraph, path: Path, requests: list[Request], exact: bool) -> dict[str, Any]:
    """What the file answers beside what Keras does.

    Args:
        graph: the graph of the file.
        path: the file.
        requests: what is asked.
        exact: the file must give the same items.

    Returns:
        `requests`, `cosine_min` and `cosine_mean` of the queries, `same_items` (share of requests
        with the same list; lists are compared where the catalog is inside), `overlap` (mean share
        of the items in common) and `operations`.

    Raises:
        ExportError: an operation that is not built in, answers that are not finite or, where they
            must be, not the same.
    """
    found = run_apart(path, [device_inputs(graph, request) for request in requests])
    operations = [name for name in found["operations"] if name not in _OF_RUNTIME]
    foreign = [name for name in operations if name.startswith(("Flex", "FLEX")) or "CUSTOM" in name]
    if foreign:
        raise ExportError(
            f"A device has LiteRT's built-in operations. Received: {', '.join(foreign)}."
        )
    candidates = device_candidates(graph.retriever, graph.text)
    cosines, overlaps, same = [], [], []
    for request, answer in zip(requests, found["answers"], strict=True):
        query = np.array(answer["embedding"][0], np.float32)
        expected, history = keras_answer(graph, request)
        if not np.isfinite(query).all():
            raise ExportError(f"Answers are finite numbers. Received: {query[:4]} for {request}.")
        lengths = np.linalg.norm(query) * np.linalg.norm(expected)
        cosines.append(float(query @ expected / max(lengths, 1e-12)))
        if graph.shapes.k:
            scores = candidates @ expected
            scores[history] = -np.inf
            items = [row for row in answer["items"][0] if row >= 0]
            best = np.argsort(-scores, kind="stable")[: len(items)]
            overlaps.append(len({*best.tolist()} & {*items}) / max(len(items), 1))
            same.append(bool(np.all(np.abs(scores[items] - scores[best]) <= _SAME_SCORE)))
    result: dict[str, Any] = {
        "requests": len(requests),
        "cosine_min": min(cosines),
        "cosine_mean": float(np.mean(cosines)),
    }
    if same:
        result |= {"same_items": float(np.mean(same)), "overlap": float(np.mean(overlaps))}
    if exact and (min(cosines) < _SAME_COSINE or not all(same)):
        raise ExportError(f"The file answers otherwise than the model. Received: {result}.")
    return {**result, "operations": operations}


def _plain(value: np.ndarray) -> Any:
    """Nested lists; NaN becomes None."""
    if value.dtype.kind == "f":
        numbers = value.astype(object)
        numbers[np.isnan(value)] = None
        return numbers.tolist()
    return value.tolist()
