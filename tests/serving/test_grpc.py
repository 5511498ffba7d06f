"""The gRPC services through TensorFlow Serving's own stubs, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfprompt.serving import LocalServer

STATUS = grpc.StatusCode


@pytest.fixture(scope="module")
def channel(adds_server: LocalServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{adds_server.grpc_port}") as channel:
        yield channel


def predict_request(model: str = "adds", signature: str = "", **inputs: Any) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        proto = value if hasattr(value, "tensor_shape") else tf.make_tensor_proto(value)
        request.inputs[name].CopyFrom(proto)
    return request


def predict(channel: grpc.Channel, request: Any) -> Any:
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)


def refused(call: Any, code: Any, *words: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == code, caught.value
    for word in words:
        assert word in caught.value.details()


def test_answers_equal_the_model_exactly(kinds_server: LocalServer, kinds: Path) -> None:
    rng = np.random.default_rng(0)
    given = {
        "words": np.array([[b"a", b"\xff\x00"], [b"", "é".encode()]], object),
        "number": np.array([np.nan, 1e-40], np.float32),
        "whole": np.array([-(2**62), 5], np.int64),
        "flag": np.array([True, False]),
        "pair": rng.standard_normal((2, 2)),
    }
    signature = tf.saved_model.load(str(kinds / "1")).signatures["serving_default"]
    wanted = signature(**{name: tf.constant(value) for name, value in given.items()})
    with grpc.insecure_channel(f"127.0.0.1:{kinds_server.grpc_port}") as channel:
        response = predict(channel, predict_request("kinds", **given))
    assert response.model_spec.name == "kinds"
    assert response.model_spec.version.value == 1
    assert response.model_spec.signature_name == "serving_default"
    assert set(response.outputs) == set(wanted)
    for name, proto in response.outputs.items():
        np.testing.assert_array_equal(tf.make_ndarray(proto), wanted[name].numpy())
    # In the typed fields, as TensorFlow Serving writes them: other languages read those.
    assert response.outputs["whole"].int64_val[0] == -(2**62) + 1
    assert not response.outputs["number"].tensor_content


def test_output_filter(channel: grpc.Channel) -> None:
    request = predict_request(x=[1.0])
    request.output_filter.append("y")
    assert predict(channel, request).outputs["y"].float_val == [2.0]
    request.output_filter.append("y")
    refused(lambda: predict(channel, request), STATUS.INVALID_ARGUMENT, "output_filter")
    del request.output_filter[:]
    request.output_filter.append("z")
    refused(lambda: predict(channel, request), STATUS.INVALID_ARGUMENT, "z")


def shaped(*sizes: int, **values: Any) -> Any:
    proto = tf.make_tensor_proto([0.0])
    proto.Clear()
    proto.dtype = values.pop("dtype", 1)
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    for name, value in values.items():
        field = getattr(proto, name)
        if isinstance(value, list):
            field.extend(value)
        else:
            setattr(proto, name, value)
    return proto


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "missing: {x}"),
        ({"x": [1.0], "z": [1.0]}, "unknown: {z}"),
        ({"z": [1.0]}, "missing: {x}, unknown: {z}"),
        ({"x": ["a"]}, "float32"),
        ({"x": np.array([1.0])}, "float64"),
        ({"x": 1.0}, "[]"),
        ({"x": [[1.0]]}, "[1, 1]"),
        ({"x": shaped(3, float_val=[1.0, 2.0, 3.0, 4.0])}, "fill"),
        ({"x": shaped(3, tensor_content=b"abc")}, "fill"),
        ({"x": shaped(-1, float_val=[1.0])}, "full shape"),
        ({"x": shaped(*[1] * 9, float_val=[1.0])}, "full shape"),
        # A few bytes that would become gigabytes, since the last value is repeated.
        ({"x": shaped(2**33, float_val=[1.0])}, "at most"),
        ({"x": shaped(2**31, 2**31, 2**31, float_val=[1.0])}, "at most"),
        ({"x": shaped(2**62, 0, float_val=[1.0])}, "[4611686018427387904, 0]"),
        ({"x": shaped(2, dtype=7, tensor_content=b"12345678")}, "fill"),
        ({"x": shaped(2, dtype=8, tensor_content=b"12345678")}, "not served"),
        ({"x": shaped(2, dtype=20)}, "not served"),
        ({"x": shaped(2, dtype=999)}, "not served"),
        ({"x": [0.5] * 1025}, "1024 rows"),
    ],
)
def test_a_wrong_tensor(channel: grpc.Channel, inputs: Any, words: str) -> None:
    refused(lambda: predict(channel, predict_request(**inputs)), STATUS.INVALID_ARGUMENT, words)


def test_a_long_message_arrives(channel: grpc.Channel) -> None:
    for letter in ("x", "\n", "ü", "語"):
        request = predict_request(**{letter * 5000: [1.0]})
        refused(lambda r=request: predict(channel, r), STATUS.INVALID_ARGUMENT, "missing: {x}")


def test_a_value_that_is_repeated_as_tensorflow_does(channel: grpc.Channel) -> None:
    response = predict(channel, predict_request(x=shaped(3, float_val=[1.0, 4.0])))
    assert list(response.outputs["y"].float_val) == [2.0, 5.0, 5.0]


def test_no_rows(channel: grpc.Channel) -> None:
    response = predict(channel, predict_request(x=np.zeros([0], np.float32)))
    assert tf.make_ndarray(response.outputs["y"]).shape == (0,)


def test_which_model(channel: grpc.Channel) -> None:
    refused(lambda: predict(channel, predict_request("half", x=[1.0])), STATUS.NOT_FOUND, "half")
    refused(lambda: predict(channel, predict_request("", x=[1.0])), STATUS.INVALID_ARGUMENT)
    request = predict_request(x=[1.0])
    request.model_spec.version.value = 9
    refused(lambda: predict(channel, request), STATUS.NOT_FOUND, "adds, 9")
    request.model_spec.version_label = "stable"
    refused(lambda: predict(channel, request), STATUS.INVALID_ARGUMENT, "stable")
    request = predict_request(signature="nothing", x=[1.0])
    refused(lambda: predict(channel, request), STATUS.FAILED_PRECONDITION, "nothing")
    request = predict_request(signature="picky", x=[-1.0])
    refused(lambda: predict(channel, request), STATUS.INVALID_ARGUMENT, "x is below 0")


def test_bytes_that_are_no_message(channel: grpc.Channel) -> None:
    for service, method in (("Prediction", "Predict"), ("Prediction", "GetModelMetadata"),
                            ("Model", "GetModelStatus")):  # fmt: skip
        call = channel.unary_unary(f"/tensorflow.serving.{service}Service/{method}")
        refused(lambda call=call: call(b"\xff\xff\xff", timeout=60), STATUS.INVALID_ARGUMENT)


def test_metadata(channel: grpc.Channel, adds: Path) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "adds"
    response = stub.GetModelMetadata(request, timeout=60)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(definitions)
    assert response.model_spec.version.value == 1
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((adds / "1" / "saved_model.pb").read_bytes())
    assert dict(definitions.signature_def) == dict(saved.meta_graphs[0].signature_def)
    for fields in ([], ["other"]):
        del request.metadata_field[:]
        request.metadata_field.extend(fields)
        refused(lambda: stub.GetModelMetadata(request, timeout=60), STATUS.INVALID_ARGUMENT)


def test_status(channel: grpc.Channel) -> None:
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    refused(lambda: stub.GetModelStatus(request, timeout=60), STATUS.INVALID_ARGUMENT)
    request.model_spec.name = "adds"
    (status,) = stub.GetModelStatus(request, timeout=60).model_version_status
    assert (status.version, status.state, status.status.error_code) == (1, 30, 0)
    request.model_spec.version.value = 2
    refused(lambda: stub.GetModelStatus(request, timeout=60), STATUS.NOT_FOUND)


def test_health_and_what_is_not_there(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "tensorflow.serving.PredictionService"):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request, timeout=60).status == health_pb2.HealthCheckResponse.SERVING
    classify = prediction_service_pb2_grpc.PredictionServiceStub(channel).Classify
    request = classification_pb2.ClassificationRequest()
    refused(lambda: classify(request, timeout=60), STATUS.UNIMPLEMENTED)
