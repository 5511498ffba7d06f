"""A server of TensorFlow Serving's gRPC service, with a delay and one stall that are known."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

# The inputs of a template with columns of each type.
INPUTS = {
    "history": (tf.string, 2),
    "exclude": (tf.string, 2),
    "wish": (tf.string, 1),
    "occupation": (tf.string, 1),
    "age": (tf.float32, 1),
    "timestamp": (tf.int64, 1),
    "prompt": (tf.string, 1),
    "k": (tf.int32, 1),
}


def signatures() -> get_model_metadata_pb2.SignatureDefMap:
    """The signature `recommend`, which is also the default one."""
    made = get_model_metadata_pb2.SignatureDefMap()
    for signature in ("recommend", "serving_default"):
        for name, (dtype, rank) in INPUTS.items():
            info = made.signature_def[signature].inputs[name]
            info.name, info.dtype = f"{signature}_{name}:0", dtype.as_datatype_enum
            for _ in range(rank):
                info.tensor_shape.dim.add(size=-1)
    return made


class PredictionServer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers after `delay_s`; from the n-th request on, everyone waits until the stall ends.

    Args:
        delay_s: of every answer.
        stall_at: number of the request that begins the stall, counted from 1; 0 for none.
        stall_s: its length.
        fail_every: every n-th request is refused with RESOURCE_EXHAUSTED; 0 for none.
    """

    def __init__(
        self, delay_s: float = 0.0, stall_at: int = 0, stall_s: float = 0.0, fail_every: int = 0
    ) -> None:
        self.requests: list[predict_pb2.PredictRequest] = []
        self._delay_s, self._stall_at, self._stall_s = delay_s, stall_at, stall_s
        self._fail_every = fail_every
        self._lock, self._never = threading.Lock(), threading.Event()
        self._running = threading.Event()
        self._running.set()

    def __enter__(self) -> PredictionServer:
        # More threads than requests wait during a stall: the stall alone holds them back.
        self._server = grpc.server(ThreadPoolExecutor(128))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.set()
        self._server.stop(grace=None).wait(10)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def Predict(self, request: Any, context: Any) -> predict_pb2.PredictResponse:  # noqa: N802
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
        if number == self._stall_at:
            self._running.clear()
            self._never.wait(self._stall_s)
            self._running.set()
        self._running.wait(10)
        self._never.wait(self._delay_s)
        if self._fail_every and number % self._fail_every == 0:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        response.outputs["item_ids"].CopyFrom(tf.make_tensor_proto([["i1", "i2", ""]]))
        lowest = float(tf.float32.min)
        response.outputs["scores"].CopyFrom(tf.make_tensor_proto([[0.9, 0.5, lowest]], tf.float32))
        return response

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.model_spec.name != "demo":
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {request.model_spec.name}")
        answer = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
        answer.metadata["signature_def"].Pack(signatures())
        return answer
