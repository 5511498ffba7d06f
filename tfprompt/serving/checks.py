"""Whether the tensors of a request fit the signature they are meant for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving.limits import Limits
from tfprompt.serving.signature import Signature, TensorInfo


def dtype_name(values: np.ndarray) -> str:
    """NumPy's name of a type, "string" for objects."""
    return "string" if values.dtype == object else values.dtype.name


def check_inputs(signature: Signature, inputs: Mapping[str, np.ndarray], limits: Limits) -> None:
    """Checks names, types, shapes and sizes before anything reaches TensorFlow.

    Raises:
        RequestError: with the field, where one is to blame.
    """
    check_names(signature, inputs)
    for name, values in inputs.items():
        info = signature.inputs[name]
        if dtype_name(values) != info.dtype:
            raise RequestError(
                f"Input {name!r} has the type {info.dtype}. Received: {dtype_name(values)}.",
                field=name,
            )
        _check_shape(info, values.shape)
        if values.size > limits.max_elements:
            raise RequestError(
                f"Input {name!r} has at most {limits.max_elements} values. Received: "
                f"{values.size}.",
                field=name,
            )
        if values.ndim and values.shape[0] > limits.max_batch_rows:
            raise RequestError(
                f"A request has at most {limits.max_batch_rows} rows. Received: "
                f"{values.shape[0]} in {name!r}. Send several requests.",
                field=name,
            )


def check_names(signature: Signature, names: Mapping[str, object]) -> None:
    """Checks that every input is there, and no other.

    Raises:
        RequestError: some are missing or unknown.
    """
    required = {name for name, info in signature.inputs.items() if not info.optional}
    missing, unknown = sorted(required - set(names)), sorted(set(names) - set(signature.inputs))
    if not missing and not unknown:
        return
    raise RequestError(
        f"Signature {signature.name!r} takes the inputs {{{', '.join(sorted(signature.inputs))}}}. "
        f"Received {len(names)}; missing: {{{', '.join(missing)}}}, "
        f"unknown: {{{', '.join(unknown)}}}.",
        field=(unknown or missing)[0],
    )


def _check_shape(info: TensorInfo, shape: tuple[int, ...]) -> None:
    if info.shape is None:
        return
    if len(shape) != len(info.shape) or any(
        wanted is not None and size != wanted
        for size, wanted in zip(shape, info.shape, strict=True)
    ):
        raise RequestError(
            f"Input {info.name!r} is {info}. Received the shape {list(shape)}.", field=info.name
        )
