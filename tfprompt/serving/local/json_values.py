"""JSON values as tensors: nested lists, numbers, text, and `{"b64": …}` for bytes."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NoReturn

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving.signature import TensorInfo

_SHOWN, _MAX_RANK = 100, 8


def read_tensor(info: TensorInfo, value: Any) -> np.ndarray:
    """A nested list as one tensor of the input's type.

    Raises:
        RequestError: lists of unequal length or depth, or a value of another type.
    """
    shape: list[int] = []
    level = value
    while isinstance(level, list):
        shape.append(len(level))
        if len(shape) > _MAX_RANK:
            raise RequestError(f"Input {info.name!r} is nested too deep.", field=info.name)
        level = level[0] if level else None
    flat: list[Any] = []
    _flatten(info, value, shape, 0, flat)
    convert = _CONVERT.get(info.dtype)
    if convert is None:
        raise RequestError(
            f"Input {info.name!r} has the type {info.dtype}, which JSON has no form for. Use gRPC.",
            field=info.name,
        )
    return convert(info, flat).reshape(shape)


def _flatten(info: TensorInfo, value: Any, shape: list[int], depth: int, flat: list[Any]) -> None:
    if depth == len(shape):
        if isinstance(value, list):
            _uneven(info, shape)
        flat.append(value)
        return
    if not isinstance(value, list) or len(value) != shape[depth]:
        _uneven(info, shape)
    for item in value:
        _flatten(info, item, shape, depth + 1, flat)


def _uneven(info: TensorInfo, shape: list[int]) -> NoReturn:
    raise RequestError(
        f"The lists of input {info.name!r} are of one length and depth; the first ones make the "
        f'shape {shape}. Pad the shorter ones, text with "".',
        field=info.name,
    )


def _strings(info: TensorInfo, values: list[Any]) -> np.ndarray:
    found = np.empty(len(values), object)
    for place, value in enumerate(values):
        try:
            if isinstance(value, str):
                found[place] = value.encode("utf-8")
                continue
            if is_bytes(value):
                found[place] = base64.b64decode(value["b64"], validate=True)
                continue
        except (UnicodeEncodeError, binascii.Error, ValueError) as error:
            raise RequestError(
                f'Input {info.name!r} takes UTF-8, or base64 in {{"b64": …}}: {error}.',
                field=info.name,
            ) from error
        _wrong(info, value)
    return found


def _numbers(info: TensorInfo, values: list[Any]) -> np.ndarray:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            _wrong(info, value)
    try:
        wide = np.array([float(value) for value in values], np.float64)
    except OverflowError:
        raise RequestError(f"A value of {info.name!r} is too large.", field=info.name) from None
    largest = np.finfo(info.dtype).max
    finite = np.isfinite(wide)
    if np.any(np.abs(wide[finite]) > largest):
        raise RequestError(f"A value of {info.name!r} is past {largest}.", field=info.name)
    return wide.astype(info.dtype)


def _integers(info: TensorInfo, values: list[Any]) -> np.ndarray:
    bounds = np.iinfo(info.dtype)
    for value in values:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not bounds.min <= value <= bounds.max:
            _wrong(info, value)
    return np.array(values, info.dtype)


def _booleans(info: TensorInfo, values: list[Any]) -> np.ndarray:
    for value in values:
        if not isinstance(value, bool):
            _wrong(info, value)
    return np.array(values, bool)


_CONVERT = {
    "string": _strings,
    "float32": _numbers,
    "float64": _numbers,
    "bool": _booleans,
    **dict.fromkeys(
        ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), _integers
    ),
}


def is_bytes(value: Any) -> bool:
    """Whether a value is the form of bytes, and no object of named inputs."""
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _wrong(info: TensorInfo, value: Any) -> NoReturn:
    raise RequestError(
        f"JSON Value: {shown(value)} is not of expected type: {info.dtype} in {info.name!r}.",
        field=info.name,
    )


def shown(value: Any) -> str:
    """A value as JSON, short: the start of a long list or object is enough."""
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        return f"{kind} of {len(value)}"
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
