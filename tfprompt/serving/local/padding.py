"""Puts the inputs of several requests into one tensor, and takes the outputs apart again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfprompt.errors import RequestError


def rows_of(inputs: Mapping[str, np.ndarray]) -> int | None:
    """The first dimension that all inputs share, None where they do not share one."""
    sizes = {values.shape[0] if values.ndim else -1 for values in inputs.values()}
    size = sizes.pop() if len(sizes) == 1 else -1
    return size if size > 0 else None


def merge(requests: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """One batch out of the inputs of several requests of one signature.

    Like TensorFlow Serving, a shorter tensor is padded at its end with its own first element.
    """
    return {name: _stack([inputs[name] for inputs in requests]) for name in requests[0]}


def _stack(parts: Sequence[np.ndarray]) -> np.ndarray:
    longest = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
    return np.concatenate([_padded(part, longest) for part in parts])


def _padded(part: np.ndarray, longest: list[int]) -> np.ndarray:
    if list(part.shape[1:]) == longest:
        return part
    first = part.flat[0] if part.size else (b"" if part.dtype == object else 0)
    whole = np.full((part.shape[0], *longest), first, dtype=part.dtype)
    whole[tuple(slice(size) for size in part.shape)] = part
    return whole


def split(outputs: Mapping[str, np.ndarray], rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """The outputs of each request out of those of their batch.

    Args:
        outputs: of the batch.
        rows: how many rows each request has.

    Raises:
        RequestError: an output is not one row for each row of the inputs.
    """
    total = sum(rows)
    for name, values in outputs.items():
        if values.ndim == 0 or values.shape[0] != total:
            raise RequestError(
                f"With batching, the first dimension of every output is that of the inputs, "
                f"{total}. Received the shape {list(values.shape)} of {name!r}. Serve this model "
                "without batching.",
                "FAILED_PRECONDITION",
                name,
            )
    ends = np.cumsum(rows)
    return [
        {name: values[end - count : end] for name, values in outputs.items()}
        for count, end in zip(rows, ends, strict=True)
    ]
