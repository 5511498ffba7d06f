"""TensorFlow Serving's gRPC services: Predict, GetModelMetadata, GetModelStatus, and health.

Messages are parsed here and not by the generated handlers, which answer INTERNAL to bytes that
are no message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tfprompt.errors import ConfigError, DeadlineError, RequestError, ServingError
from tfprompt.serving import codes, tensors
from tfprompt.serving.local.core import ServingCore
from tfprompt.serving.signature import Signature
from tfprompt.serving.target import Target

_LOG = logging.getLogger(__name__)
_PREDICTION, _MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"
_SERVICES = ("", _PREDICTION, _MODEL)
# Status and health are answered beside a full load of predictions.
_SPARE_THREADS = 8
# A message is framed and may hold a little more than its tensors; its answer may be larger.
_ANSWER_BYTES = 256 * 1024 * 1024


class GrpcServer:
    """The gRPC side of a server.

    Args:
        core: answers the requests.
        address: "127.0.0.1:8500"; port 0 takes a free one.

    Raises:
        ConfigError: the address cannot be bound.
    """

    def __init__(self, core: ServingCore, address: str) -> None:
        # These load TensorFlow, which an import of this module shall not.
        from tensorflow_serving.apis import (
            get_model_metadata_pb2,
            get_model_status_pb2,
            predict_pb2,
        )

        threads = core.limits.max_in_flight + _SPARE_THREADS
        self._server = grpc.server(
            futures.ThreadPoolExecutor(threads, thread_name_prefix="grpc"),
            options=[
                ("grpc.max_receive_message_length", core.limits.max_message_bytes),
                ("grpc.max_send_message_length", _ANSWER_BYTES),
                # Else a second server would bind the same port and take half of the requests.
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=threads,
        )
        self._core = core
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._add(_PREDICTION, "Predict", predict_pb2.PredictRequest, self._predict)
        self._add(
            _PREDICTION,
            "GetModelMetadata",
            get_model_metadata_pb2.GetModelMetadataRequest,
            self._metadata,
        )
        self._add(
            _MODEL, "GetModelStatus", get_model_status_pb2.GetModelStatusRequest, self._status
        )
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise ConfigError(
                f"gRPC cannot listen on {address}: it is in use or not of this machine. Choose "
                "another port; 0 takes a free one."
            ) from error
        self.ready(False)

    def _add(
        self,
        service: str,
        method: str,
        kind: Any,
        answer: Callable[[Any, grpc.ServicerContext], Any],
    ) -> None:
        def handle(body: bytes, context: grpc.ServicerContext) -> Any:
            try:
                if not context.is_active() or (context.time_remaining() or 1.0) <= 0:
                    raise DeadlineError("The deadline had passed before the request was read.")
                try:
                    request = kind.FromString(body)
                except DecodeError as error:
                    raise RequestError(f"The body is no {kind.DESCRIPTOR.name}.") from error
                return answer(request, context)
            except ServingError as error:
                _abort(context, error.code, str(error))
            except Exception:  # noqa: BLE001 - what is ours to mend is logged, not told to callers
                _LOG.exception("%s failed", method)
                _abort(context, "INTERNAL", "An unexpected error; the server's log has it.")

        handler = grpc.unary_unary_rpc_method_handler(
            handle, response_serializer=lambda message: message.SerializeToString()
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )

    def _predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        from tensorflow_serving.apis import predict_pb2

        limit = self._core.limits.max_elements

        def decode(signature: Signature) -> dict[str, Any]:
            return {
                name: tensors.from_proto(name, proto, limit)
                for name, proto in request.inputs.items()
            }

        target = _target(request)
        answer = self._core.predict(
            "grpc", target, request.model_spec.signature_name, decode, list(request.output_filter)
        )
        response = predict_pb2.PredictResponse()
        response.model_spec.name = target.name
        response.model_spec.version.value = answer.version
        response.model_spec.signature_name = answer.signature
        for name, values in answer.outputs.items():
            response.outputs[name].CopyFrom(tensors.to_proto(values))
        return response

    def _metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        from tensorflow_serving.apis import get_model_metadata_pb2

        target = _target(request)
        with self._core.metrics.request("grpc", "metadata"):
            fields = list(request.metadata_field)
            if fields != ["signature_def"]:
                raise RequestError(
                    f'metadata_field is ["signature_def"]. Received: {fields}.',
                    field="metadata_field",
                )
            self._core.check_name(target)
            with self._core.versions.acquire(target.version, target.label) as servable:
                response = get_model_metadata_pb2.GetModelMetadataResponse()
                response.model_spec.name = target.name
                response.model_spec.version.value = servable.version
                response.metadata["signature_def"].Pack(servable.definitions)
                return response

    def _status(self, request: Any, context: grpc.ServicerContext) -> Any:
        from tensorflow_serving.apis import get_model_status_pb2

        response = get_model_status_pb2.GetModelStatusResponse()
        with self._core.metrics.request("grpc", "status"):
            for known in self._core.status(_target(request)):
                status = response.model_version_status.add(version=known.version)
                status.state = get_model_status_pb2.ModelVersionStatus.State.Value(known.state)
                status.status.error_code = codes.number(known.code)
                status.status.error_message = known.message
        return response

    def start(self) -> None:
        """Starts to answer."""
        self._server.start()

    def ready(self, yes: bool) -> None:
        """What health checks are told."""
        status = health_pb2.HealthCheckResponse
        for service in _SERVICES:
            self._health.set(service, status.SERVING if yes else status.NOT_SERVING)

    def stop(self, grace_s: float) -> None:
        """Refuses new requests and waits for those that run, `grace_s` at most."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait(grace_s + 1.0)


def _abort(context: grpc.ServicerContext, code: str, message: str) -> NoReturn:
    # The message travels in a header of at most 8 KiB, where a character may take 9 bytes.
    shown = message[: 2000 if message.isascii() else 800]
    context.abort(getattr(grpc.StatusCode, code), shown)
    raise AssertionError("abort raises")


def _target(request: Any) -> Target:
    spec = request.model_spec
    version = spec.version.value if spec.HasField("version") else None
    return Target(spec.name, version, spec.version_label)
