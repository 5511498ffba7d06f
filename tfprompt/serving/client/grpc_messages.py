"""The messages of TensorFlow Serving's gRPC services, as a client writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfprompt.errors import ServingError
from tfprompt.serving import codes
from tfprompt.serving.client.answers import ModelMetadata, Outputs
from tfprompt.serving.client.tls import Tls
from tfprompt.serving.signature import read_signatures
from tfprompt.serving.target import Target
from tfprompt.serving.tensors import to_proto
from tfprompt.serving.version_status import VersionStatus

_ANSWER_BYTES = 256 * 1024 * 1024
OPTIONS: list[tuple[str, Any]] = [
    # A call is tried again by this package's own rules, which know the whole budget.
    ("grpc.enable_retries", 0),
    # A model server is asked directly, whatever proxy the environment names.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", _ANSWER_BYTES),
    # Else a server that was away for a moment is not tried again for seconds.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


def open_channel(package: Any, address: str, tls: Tls | None) -> Any:
    """A channel, which connects at the first call.

    Args:
        package: `grpc` or `grpc.aio`.
        address: host and port.
        tls: None for a plain connection.
    """
    options = list(OPTIONS)
    if tls is None:
        return package.insecure_channel(address, options=options)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return package.secure_channel(address, tls.grpc_credentials(), options=options)


def _fill(spec: Any, target: Target, signature: str = "") -> None:
    spec.name = target.name
    spec.signature_name = signature
    if target.version is not None:
        spec.version.value = target.version
    elif target.label:
        spec.version_label = target.label


def predict_request(target: Target, signature: str, inputs: Mapping[str, np.ndarray]) -> Any:
    """A `PredictRequest`."""
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    _fill(request.model_spec, target, signature)
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(to_proto(values))
    return request


def read_predict(response: Any) -> Outputs:
    """The arrays of a `PredictResponse`."""
    import tensorflow as tf

    return Outputs(
        {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()},
        response.model_spec.version.value,
    )


def metadata_request(target: Target) -> Any:
    """A `GetModelMetadataRequest`."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    _fill(request.model_spec, target)
    return request


def read_metadata(response: Any) -> ModelMetadata:
    """What a `GetModelMetadataResponse` tells."""
    from google.protobuf import json_format
    from tensorflow_serving.apis import get_model_metadata_pb2

    definitions = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(definitions)
    document = json_format.MessageToDict(
        definitions, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    spec = response.model_spec
    return ModelMetadata(spec.name, spec.version.value, read_signatures(document))


def status_request(target: Target) -> Any:
    """A `GetModelStatusRequest`."""
    from tensorflow_serving.apis import get_model_status_pb2

    request = get_model_status_pb2.GetModelStatusRequest()
    _fill(request.model_spec, target)
    return request


def read_status(response: Any) -> list[VersionStatus]:
    """The versions of a `GetModelStatusResponse`."""
    from tensorflow_serving.apis import get_model_status_pb2

    names = get_model_status_pb2.ModelVersionStatus.State
    return [
        VersionStatus(
            status.version,
            names.Name(status.state),
            codes.name(status.status.error_code),
            status.status.error_message,
        )
        for status in response.model_version_status
    ]


def read_error(error: Any, address: str) -> ServingError:
    """The error of the tree for a `grpc.RpcError`."""
    code = error.code().name
    return codes.error(code, f"{address}: {code}: {error.details() or 'no details'}")
