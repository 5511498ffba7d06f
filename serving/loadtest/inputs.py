"""Requests from a file: JSON lines of inputs, or a model's own warm-up file."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from tfprompt.errors import ConfigError, DataError

MAX_LINES = 100_000


def neutral(name: str, dtype: tf.DType) -> Any:
    """What stands for "not given" in an input that has to be fed all the same."""
    if dtype == tf.string:
        return ""
    if dtype.is_floating:
        return float("nan")
    return int(time.time()) if name == "timestamp" else 0


def request_of(
    row: Mapping[str, Any], inputs: Mapping[str, Any], spec: model_pb2.ModelSpec
) -> predict_pb2.PredictRequest:
    """One request of one row.

    Args:
        row: values by name of input, lists for inputs of rank 2; what is not named is neutral.
        inputs: the signature's `TensorInfo` by name.
        spec: model and signature.

    Raises:
        ConfigError: a name that the signature does not have, or a list where none belongs.
    """
    if unknown := sorted(set(row) - set(inputs)):
        raise ConfigError(
            f"A request holds inputs of its signature, {sorted(inputs)}. Received: {unknown}."
        )
    request = predict_pb2.PredictRequest(model_spec=spec)
    for name, info in inputs.items():
        dtype, rank = tf.as_dtype(info.dtype), len(info.tensor_shape.dim)
        value = row.get(name, [] if rank == 2 else neutral(name, dtype))
        if isinstance(value, list) != (rank == 2):
            raise ConfigError(
                f"Input {name!r} is {'a list' if rank == 2 else 'one value'} a request. "
                f"Received: {value!r}."
            )
        if rank == 2:
            # A server that batches fills shorter rows with the tensor's first element.
            value = [neutral("", dtype), *value]
        request.inputs[name].CopyFrom(tf.make_tensor_proto([value], dtype))
    return request


def from_json_lines(
    path: str | os.PathLike[str], inputs: Mapping[str, Any], spec: model_pb2.ModelSpec
) -> list[predict_pb2.PredictRequest]:
    """A request a line; a line is an object of inputs, as `{"history": ["50"], "k": 10}`.

    Raises:
        DataError: a line that is no such object; the message names it.
    """
    requests: list[predict_pb2.PredictRequest] = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if len(requests) == MAX_LINES:
                raise DataError(f"At most {MAX_LINES:,} requests are read. Shorten it.", path)
            try:
                requests.append(request_of(_object(line), inputs, spec))
            except (TypeError, ValueError) as error:
                raise DataError(str(error), path, number) from None
    return _some(requests, path)


def _object(line: str) -> dict[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"A line is a JSON object of inputs. Received: {line[:80]!r}.")
    return value


def from_warm_up(
    path: str | os.PathLike[str], spec: model_pb2.ModelSpec
) -> list[predict_pb2.PredictRequest]:
    """The `Predict` requests of `<version>/assets.extra/tf_serving_warmup_requests`.

    They keep their signature; model, version and label are those of `spec`. Where `spec` names a
    signature, only its requests are taken.

    Raises:
        DataError: the file is no TFRecord of prediction logs, or holds no such request.
    """
    requests = []
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            if not log.HasField("predict_log"):
                continue
            request = log.predict_log.request
            signature = request.model_spec.signature_name
            if spec.signature_name in ("", signature):
                request.model_spec.CopyFrom(spec)
                request.model_spec.signature_name = signature
                requests.append(request)
    except (tf.errors.OpError, ValueError) as error:
        raise DataError(f"A warm-up file is a TFRecord of PredictionLog: {error}", path) from None
    return _some(requests, path)


def _some(requests: list[Any], path: str | os.PathLike[str]) -> list[Any]:
    if not requests:
        raise DataError("A file of requests holds at least one. Received: none.", Path(path))
    return requests


def rest_body(request: predict_pb2.PredictRequest) -> bytes:
    """The same request as JSON, column by column."""
    inputs = {name: _plain(tensor) for name, tensor in request.inputs.items()}
    name = request.model_spec.signature_name
    signature = {"signature_name": name} if name else {}
    # TensorFlow Serving reads NaN, which json writes as such.
    return json.dumps({**signature, "inputs": inputs}, ensure_ascii=False).encode()


def _plain(tensor: Any) -> Any:
    def text(value: Any) -> Any:
        if isinstance(value, list):
            return [text(each) for each in value]
        return value.decode() if isinstance(value, bytes) else value

    return text(tf.make_ndarray(tensor).tolist())
