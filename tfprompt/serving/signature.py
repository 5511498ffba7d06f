"""What a signature takes and gives, read from a server's metadata without TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

# Names of `tensorflow.DataType` → names of NumPy, "string" for text.
DTYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_INT32": "int32",
    "DT_UINT8": "uint8",
    "DT_INT16": "int16",
    "DT_INT8": "int8",
    "DT_STRING": "string",
    "DT_INT64": "int64",
    "DT_BOOL": "bool",
    "DT_UINT16": "uint16",
    "DT_HALF": "float16",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
}


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """Name, type and shape of one input or output.

    Args:
        name: as requests name it.
        dtype: NumPy's name, "string" for text and bytes.
        shape: None stands for a dimension of any length; None as a whole for any shape.
        optional: the model fills it when a request leaves it out.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    optional: bool = False

    @property
    def rank(self) -> int | None:
        """Number of dimensions, None where any will do."""
        return None if self.shape is None else len(self.shape)

    def __str__(self) -> str:
        sizes = "?" if self.shape is None else ", ".join(str(size or "?") for size in self.shape)
        return f"{self.dtype} [{sizes}]"


@dataclasses.dataclass(frozen=True)
class Signature:
    """One signature of a SavedModel.

    Args:
        name: "serving_default", "score" …
        inputs: by name.
        outputs: by name.
    """

    name: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]


def read_signatures(document: Mapping[str, Any]) -> dict[str, Signature]:
    """The signatures of a `SignatureDefMap` in its JSON form.

    Args:
        document: what stands under `metadata.signature_def` in a REST answer, that is a mapping
            with the key `signature_def`.

    Returns:
        Signatures by name, without those that initialise a model.
    """
    return {
        name: Signature(
            name,
            _tensors(definition.get("inputs", {}), definition.get("defaults", {})),
            _tensors(definition.get("outputs", {}), {}),
        )
        for name, definition in sorted(document["signature_def"].items())
        if not name.startswith("__saved_model")
    }


def _tensors(infos: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, TensorInfo]:
    return {
        name: TensorInfo(
            name,
            DTYPES.get(info.get("dtype", ""), info.get("dtype", "unknown")),
            _shape(info.get("tensor_shape", {})),
            optional=name in defaults,
        )
        for name, info in sorted(infos.items())
    }


def _shape(shape: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    if shape.get("unknown_rank"):
        return None
    # JSON writes 64-bit integers as strings.
    sizes = (int(dim.get("size", 0)) for dim in shape.get("dim", []))
    return tuple(None if size < 0 else size for size in sizes)
