"""Asks a served model for items over gRPC, with grpcio and tensorflow-serving-api alone.

    python serving/clients/recommend.py 127.0.0.1:8500 demo \
        '{"history": ["50", "181"], "age": 31, "k": 10}'

`tfprompt` is not needed, and of TensorFlow only the messages are used.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Mapping
from typing import Any

import grpc
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

TIMEOUT_S = float(os.environ.get("TIMEOUT_S", "2"))
# Where a tensor keeps its values, by type.
FIELDS = {
    types_pb2.DT_STRING: "string_val",
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_INT32: "int_val",
    types_pb2.DT_INT64: "int64_val",
}


class Client:
    """One channel for all requests.

    Args:
        address: `host:port`.
        model: name of the served model.
        label: which of its versions.
    """

    def __init__(self, address: str, model: str, label: str = "stable") -> None:
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(
            grpc.insecure_channel(address)
        )
        self._spec = model_pb2.ModelSpec(
            name=model, version_label=label, signature_name="recommend"
        )
        question = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec, metadata_field=["signature_def"]
        )
        answer = self._stub.GetModelMetadata(question, timeout=TIMEOUT_S)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        self._inputs = dict(signatures.signature_def["recommend"].inputs)

    def recommend(self, given: Mapping[str, Any]) -> list[tuple[str, float]]:
        """Items and scores, best first.

        Args:
            given: values by name of input; lists for `history` and `exclude`. What is left out is
                sent as "not given", since the server wants every input.

        Raises:
            grpc.RpcError: with a code, DEADLINE_EXCEEDED for one.
        """
        if unknown := set(given) - set(self._inputs):
            raise ValueError(f"the model has no input {', '.join(sorted(unknown))}")
        request = predict_pb2.PredictRequest(model_spec=self._spec)
        for name, info in self._inputs.items():
            is_list = len(info.tensor_shape.dim) == 2
            empty = _neutral(name, info.dtype)
            # A server that batches fills shorter rows with the first element: let it be padding.
            values = [empty, *given.get(name, [])] if is_list else [given.get(name, empty)]
            shape = [1, len(values)] if is_list else [1]
            request.inputs[name].CopyFrom(_tensor(values, info.dtype, shape))
        outputs = self._stub.Predict(request, timeout=TIMEOUT_S).outputs
        ids = [item.decode() for item in outputs["item_ids"].string_val]
        scores = _floats(outputs["scores"])
        # Where fewer items are left than were asked for, the ids end in "".
        return [(item, score) for item, score in zip(ids, scores, strict=True) if item]


def _neutral(name: str, dtype: int) -> Any:
    if dtype == types_pb2.DT_STRING:
        return ""
    if dtype == types_pb2.DT_FLOAT:
        return float("nan")
    return int(time.time()) if name == "timestamp" else 0


def _tensor(values: list[Any], dtype: int, shape: list[int]) -> tensor_pb2.TensorProto:
    tensor = tensor_pb2.TensorProto(dtype=dtype)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    text = [value.encode() if isinstance(value, str) else value for value in values]
    getattr(tensor, FIELDS[dtype]).extend(text)
    return tensor


def _floats(tensor: tensor_pb2.TensorProto) -> list[float]:
    if not tensor.tensor_content:
        return list(tensor.float_val)
    # A server may send the bytes instead (--enable_serialization_as_tensor_content).
    return list(struct.unpack(f"<{len(tensor.tensor_content) // 4}f", tensor.tensor_content))


def main(arguments: list[str]) -> int:
    """Prints items and scores; 1 where there is no answer."""
    address, model, given = [*arguments, *["127.0.0.1:8500", "demo", "{}"][len(arguments) :]]
    try:
        for item, score in Client(address, model).recommend(json.loads(given)):
            print(f"{item}\t{score:.4f}")
    except grpc.RpcError as error:
        print(f"recommend: {error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"recommend: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
