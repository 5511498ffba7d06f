"""Runs an artifact as a server would: in a process with TensorFlow and TensorFlow Text alone.

Started as a script, `clean_process.py DIRECTORY OUTPUTS`; it must import nothing of its package.
Writes one JSON object to stdout, and the outputs of every request to the file OUTPUTS (.npz).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ABSENT = ("tfprompt", "keras_hub", "keras_nlp", "tensorflow_recommenders")
PAD = 2
# Rounding differs with the shape of a batch: float32 products are summed in another order. Two
# stages divide it by the spread of their scores: 5e-5 was seen on scores of about 1.
ABSOLUTE, RELATIVE = 1e-4, 1e-4


class _Refuse:
    """Makes the packages that no server has impossible to import."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in ABSENT:
            raise ImportError(f"{name} is not there")


def operations(directory: Path) -> tuple[list[str], bool]:
    """Operations that nothing registers, and whether TensorFlow Text is needed."""
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework import op_def_registry

    parsed = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    names: set[str] = set()
    for graph in parsed.meta_graphs:
        own = {function.signature.name for function in graph.graph_def.library.function}
        nodes = list(graph.graph_def.node)
        for function in graph.graph_def.library.function:
            nodes += function.node_def
        names |= {node.op for node in nodes} - own
    foreign = sorted(name for name in names if op_def_registry.get(name) is None)
    if foreign:
        import tensorflow_text  # noqa: F401  (registers its operations)
    return [name for name in foreign if op_def_registry.get(name) is None], bool(foreign)


def requests(directory: Path, signatures: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The warm-up requests, and one of empty values for each signature without any."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    found: list[tuple[str, dict[str, Any]]] = []
    path = directory / "assets.extra" / "tf_serving_warmup_requests"
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            found.append((request.model_spec.signature_name or "serving_default", inputs))
    except Exception:  # the check of the warm-up file says what is wrong with it
        found = []
    warm = {name for name, _ in found}
    for name, signature in signatures.items():
        if name not in warm:
            found.append((name, empty(signature.structured_input_signature[1])))
    return found


def empty(specs: dict[str, Any]) -> dict[str, Any]:
    """One row of values that say nothing."""
    import numpy as np
    import tensorflow as tf

    inputs = {}
    for name, spec in specs.items():
        dims = spec.shape.dims
        shape = [1 if size is None else size for size in (spec.shape.as_list() if dims else [])]
        value = b"" if spec.dtype == tf.string else 0
        kind = object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
        inputs[name] = np.full(shape, value, kind)
    return inputs


class Runner:
    """Calls one signature with arrays."""

    def __init__(self, signature: Any) -> None:
        self.signature = signature
        self.specs = signature.structured_input_signature[1]

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Outputs by name."""
        import tensorflow as tf

        given = {n: tf.constant(v, self.specs[n].dtype) for n, v in inputs.items()}
        return {name: value.numpy() for name, value in self.signature(**given).items()}


def judge(run: Runner, inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with the outputs of one request."""
    import numpy as np

    sizes = {len(value) for value in inputs.values() if np.ndim(value)}
    batch = sizes.pop() if len(sizes) == 1 else None
    found: dict[str, list[str]] = {"batch": [], "finite": [], "text": [], "rows": [], "padding": []}
    for name, value in outputs.items():
        if np.ndim(value) == 0 or (batch is not None and len(value) != batch):
            found["batch"].append(f"{name} has shape {list(np.shape(value))} for {batch} rows")
        if value.dtype.kind not in "OSUb" and not np.isfinite(value.astype(np.float64)).all():
            found["finite"].append(name)
        if value.dtype == object and not name.endswith("_bytes") and not _readable(value):
            found["text"].append(name)
    if batch is None or found["batch"]:
        return found
    if batch > 1:
        for row in range(batch):
            alone = run({name: value[row : row + 1] for name, value in inputs.items()})
            together = {name: value[row : row + 1] for name, value in outputs.items()}
            found["rows"] += [f"row {row}: {name}" for name in differing(together, alone)]
    padded = pad(inputs, run.specs)
    if padded is not None:
        found["padding"] = differing(outputs, run(padded))
    return found


def pad(inputs: dict[str, Any], specs: dict[str, Any]) -> dict[str, Any] | None:
    """Lists filled up as a batching server does it, with their first element.

    Only where that element says nothing: a list that starts with a value takes no padding.
    """
    import numpy as np

    padded, lists = dict(inputs), 0
    for name, value in inputs.items():
        shape = specs[name].shape
        if np.ndim(value) != 2 or shape.rank != 2 or shape[1] is not None or not value.size:
            continue
        first = value[0, 0]
        if first not in (b"", "") and first == first:
            continue
        more = np.full((len(value), PAD), first, value.dtype)
        padded[name], lists = np.concatenate([value, more], axis=1), lists + 1
    return padded if lists else None


def differing(expected: dict[str, Any], received: dict[str, Any]) -> list[str]:
    """Names of outputs that differ where both have columns."""
    import numpy as np

    found = []
    ties = np.zeros(0, bool)
    if "scores" in expected:
        scores = expected["scores"].astype(np.float64)
        # Of two scores that are as good as equal, rounding decides which comes first.
        gaps = np.abs(np.diff(scores, axis=-1)) <= ABSOLUTE + RELATIVE * np.abs(scores[..., 1:])
        edge = np.zeros((*scores.shape[:-1], 1), bool)
        ties = np.concatenate([gaps, edge], -1) | np.concatenate([edge, gaps], -1)
    for name, value in expected.items():
        other = received[name]
        if value.ndim > 1:
            columns = min(value.shape[1], other.shape[1])
            value, other = value[:, :columns], other[:, :columns]
        if value.dtype.kind in "OSU":
            same = value == other
            if ties.size and ties.shape[: same.ndim] == same.shape:
                same |= ties[..., : same.shape[-1]]
        else:
            same = np.isclose(
                other.astype(np.float64), value.astype(np.float64),
                rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True,
            )  # fmt: skip
        if not np.all(same):
            far = "" if value.dtype.kind in "OSU" else f" (by {_distance(value, other):.2g})"
            found.append(f"{name}{far}")
    return found


def _distance(value: Any, other: Any) -> float:
    import numpy as np

    return float(np.nanmax(np.abs(value.astype(np.float64) - other.astype(np.float64))))


def plain(values: Any) -> Any:
    """Values as a file takes them without pickling: strings of one type."""
    import numpy as np

    if values.dtype != object:
        return values
    texts = [value.decode(errors="replace") for value in values.ravel()]
    return np.array(texts, dtype=str).reshape(values.shape)


def _readable(values: Any) -> bool:
    for value in values.ravel():
        try:
            value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            return False
    return True


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:300]


def main(directory: Path, outputs_file: Path) -> dict[str, Any]:
    """Loads the artifact and runs every signature."""
    sys.meta_path.insert(0, _Refuse())
    import numpy as np
    import tensorflow as tf

    unknown, text = operations(directory)
    result: dict[str, Any] = {"unknown": unknown, "text": text, "error": "", "runs": []}
    if unknown:
        return result
    try:
        loaded = tf.saved_model.load(str(directory), tags=["serve"])
    except Exception as error:
        return {**result, "error": _first_line(error)}
    kept = {}
    signatures = dict(loaded.signatures.items())
    for place, (name, inputs) in enumerate(requests(directory, signatures)):
        one: dict[str, Any] = {"signature": name, "error": "", "found": {}}
        result["runs"].append(one)
        if name not in signatures:
            one["error"] = f"there is no signature {name!r}"
            continue
        run = Runner(signatures[name])
        try:
            outputs = run(inputs)
            one["found"] = judge(run, inputs, outputs)
        except Exception as error:
            one["error"] = _first_line(error)
            continue
        for key, value in outputs.items():
            kept[f"{place}/{key}"] = plain(value)
    np.savez(outputs_file, **kept)
    return result


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1]), Path(sys.argv[2])), sys.stdout)
