"""Python values as the values of one input, with errors that name it."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving.signature import TensorInfo


def filling(info: TensorInfo) -> Any:
    """What stands for "not given".

    It is "" for text, NaN for decimals, now for `timestamp`, 0 and False for the rest.
    """
    if info.name == "timestamp" and info.dtype == "int64":
        return int(time.time())
    if info.dtype == "string":
        return ""
    if info.dtype.startswith("float"):
        return math.nan
    return False if info.dtype == "bool" else 0


def read_values(info: TensorInfo, values: list[Any]) -> np.ndarray:
    """A flat array of the input's type; text becomes bytes objects.

    Raises:
        RequestError: a value of another type, or one that does not fit.
    """
    if info.dtype == "string":
        found = np.empty(len(values), object)
        found[:] = [_text(info, value) for value in values]
        return found
    numbers = [_number(info, value) for value in values]
    try:
        return np.array(numbers, dtype=info.dtype)
    except (OverflowError, ValueError, TypeError) as error:
        raise RequestError(f"Input {info.name!r}: {error}.", field=info.name) from error


def _text(info: TensorInfo, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise RequestError(
            f"Input {info.name!r} is text. Received: {value!r} of type {type(value).__name__}; "
            f'write "{value}".',
            field=info.name,
        )
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(
            f"Input {info.name!r} is not valid Unicode: {error.reason}.", field=info.name
        ) from error


def _number(info: TensorInfo, value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    if info.dtype == "bool":
        fits = isinstance(plain, bool)
    elif info.dtype.startswith("float"):
        fits = isinstance(plain, int | float) and not isinstance(plain, bool)
    else:
        fits = isinstance(plain, int) and not isinstance(plain, bool)
    if not fits:
        raise RequestError(
            f"Input {info.name!r} is {info.dtype}. Received: {value!r} of type "
            f"{type(value).__name__}.",
            field=info.name,
        )
    return plain
