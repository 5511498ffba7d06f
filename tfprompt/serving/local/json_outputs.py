"""TensorFlow Serving's REST format, coming out: output tensors as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving.local.json_inputs import ROW

_BYTES_SUFFIX = "_bytes"


def write_outputs(outputs: Mapping[str, np.ndarray], kind: str) -> bytes:
    """The body of an answer, in the format of its request.

    Args:
        outputs: by name; an output named `*_bytes` is written as base64.
        kind: `ROW` answers `predictions`, `COLUMN` answers `outputs`.

    Raises:
        RequestError: rows of different numbers in row format, or text that is no UTF-8.
    """
    values = {name: _listed(name, array) for name, array in sorted(outputs.items())}
    if kind != ROW:
        only = next(iter(values.values())) if len(values) == 1 else values
        return _dump({"outputs": only})
    sizes = {array.shape[0] if array.ndim else None for array in outputs.values()}
    if len(sizes) != 1 or None in sizes:
        raise RequestError(
            "In row format all outputs have one row for each instance. Received the shapes "
            f"{ {name: list(array.shape) for name, array in outputs.items()} }. Use the column "
            'format "inputs".'
        )
    if len(values) == 1:
        return _dump({"predictions": next(iter(values.values()))})
    rows = zip(*values.values(), strict=True)
    return _dump({"predictions": [dict(zip(values, row, strict=True)) for row in rows]})


def _listed(name: str, array: np.ndarray) -> Any:
    if array.dtype == object:
        as_bytes = name.endswith(_BYTES_SUFFIX)
        return _mapped(array.tolist(), lambda value: _text(name, value, as_bytes))
    if array.dtype in (np.float16, np.float32):
        # The shortest decimal that reads back as the same number, 0.1 and not 0.10000000149.
        flat = [float(str(value)) for value in array.ravel()]
        return np.array(flat, np.float64).reshape(array.shape).tolist()
    return array.tolist()


def _mapped(value: Any, change: Any) -> Any:
    return [_mapped(item, change) for item in value] if isinstance(value, list) else change(value)


def _text(name: str, value: bytes, as_bytes: bool) -> Any:
    if as_bytes:
        return {"b64": base64.b64encode(value).decode("ascii")}
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError(
            f"Output {name!r} is not UTF-8, which JSON is. Bytes come as base64 in an output "
            f"named {name}{_BYTES_SUFFIX}, or over gRPC.",
            "FAILED_PRECONDITION",
            name,
        ) from None


def _dump(document: Any) -> bytes:
    # NaN and Infinity are written as such, which the format allows.
    return json.dumps(document, ensure_ascii=False).encode("utf-8")
