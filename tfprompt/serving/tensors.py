"""Tensors as protocol buffers and as NumPy arrays; text is an array of bytes objects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving.signature import DTYPES

# The field of a TensorProto that holds values of a type, as TensorFlow Serving writes answers.
_FIELDS = {
    "float32": ("DT_FLOAT", "float_val"),
    "float64": ("DT_DOUBLE", "double_val"),
    "int32": ("DT_INT32", "int_val"),
    "uint8": ("DT_UINT8", "int_val"),
    "int16": ("DT_INT16", "int_val"),
    "int8": ("DT_INT8", "int_val"),
    "uint16": ("DT_UINT16", "int_val"),
    "int64": ("DT_INT64", "int64_val"),
    "bool": ("DT_BOOL", "bool_val"),
    "uint32": ("DT_UINT32", "uint32_val"),
    "uint64": ("DT_UINT64", "uint64_val"),
    "object": ("DT_STRING", "string_val"),
}
_MAX_RANK = 8


def from_proto(name: str, proto: Any, max_elements: int) -> np.ndarray:
    """The values of a `TensorProto` that may come from anyone.

    Args:
        name: of the input, for messages.
        proto: the tensor.
        max_elements: more values are refused before memory is taken for them.

    Raises:
        RequestError: type, shape and values do not make a tensor.
    """
    import tensorflow as tf
    from tensorflow.core.framework import types_pb2

    try:
        label = types_pb2.DataType.Name(proto.dtype)
    except ValueError:
        label = str(proto.dtype)
    if label not in DTYPES:
        raise RequestError(f"Input {name!r} has a type that is not served: {label}.", field=name)
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or len(sizes) > _MAX_RANK or min(sizes, default=0) < 0:
        raise RequestError(
            f"Input {name!r} needs a full shape of at most {_MAX_RANK} dimensions. Received: "
            f"{'unknown rank' if proto.tensor_shape.unknown_rank else sizes[: _MAX_RANK + 1]}.",
            field=name,
        )
    if math.prod(sizes) > max_elements:
        raise RequestError(
            f"Input {name!r} has at most {max_elements} values. Received the shape {sizes}.",
            field=name,
        )
    try:
        values = tf.make_ndarray(proto)
    except (ValueError, TypeError, OverflowError) as error:
        raise RequestError(
            f"The values of input {name!r} do not fill its shape {sizes}: {error}", field=name
        ) from error
    return np.asarray(values)


def to_proto(values: np.ndarray) -> Any:
    """A `TensorProto` with the values in the field of their type."""
    from tensorflow.core.framework import tensor_pb2, types_pb2

    kind = values.dtype.name
    if kind not in _FIELDS:  # half precision, which packs its bits
        import tensorflow as tf

        return tf.make_tensor_proto(values)
    label, field = _FIELDS[kind]
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DataType.Value(label))
    for size in values.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, field).extend(values.ravel().tolist())
    return proto
