"""The warm-up file of an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from tfprompt.artifacts.lint.files import signatures_of
from tfprompt.artifacts.lint.report import Check
from tfprompt.artifacts.warm_up import MOST_RECORDS, WARM_UP_FILE, read_logs
from tfprompt.errors import ExportError


def check_warm_up(directory: Path, graph: Any) -> Check:
    """Every record is a request that a signature takes, and there are some but not too many."""
    found: list[str] = []
    count = 0
    signatures = signatures_of(graph)
    try:
        for count, log in enumerate(read_logs(directory), start=1):
            found += [f"record {count}: {line}" for line in _record(log, signatures)]
    except ExportError as error:
        found.append(str(error))
    else:
        if not 1 <= count <= MOST_RECORDS:
            found.append(f"{count} records")
    return Check(
        "warm-up",
        f"there are 1 to {MOST_RECORDS} warm-up requests, each as a signature takes it",
        tuple(found[:10]),
        f"Write {WARM_UP_FILE} with tfprompt.artifacts.write_warm_up. Without one a broken model "
        "is called available and fails its first user; one bad record fails the load.",
    )


def _record(log: Any, signatures: dict[str, Any]) -> list[str]:
    """What is wrong with one record."""
    if log.WhichOneof("log_type") != "predict_log":
        return [f"it is {log.WhichOneof('log_type') or 'empty'}, not a predict_log"]
    request = log.predict_log.request
    name = request.model_spec.signature_name or "serving_default"
    if name not in signatures:
        return [f"there is no signature {name!r}"]
    wanted = signatures[name].inputs
    found = [f"{name}: input {key} is missing" for key in sorted(set(wanted) - set(request.inputs))]
    for key, value in sorted(request.inputs.items()):
        if key not in wanted:
            found.append(f"{name}: there is no input {key}")
            continue
        expected = tf.TensorShape(wanted[key].tensor_shape)
        if value.dtype != wanted[key].dtype:
            received, right = (tf.as_dtype(t).name for t in (value.dtype, wanted[key].dtype))
            found.append(f"{name}: input {key} is {received}, not {right}")
        elif not expected.is_compatible_with(tf.TensorShape(value.tensor_shape)):
            found.append(f"{name}: input {key} has shape {tf.TensorShape(value.tensor_shape)}")
    return found
