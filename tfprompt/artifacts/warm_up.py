"""Warm-up requests: a server runs them before it calls a version available."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from tfprompt.errors import ExportError

if TYPE_CHECKING:
    from tensorflow_serving.apis import prediction_log_pb2

WARM_UP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
# TensorFlow Serving refuses a version with more.
MOST_RECORDS = 1000


class WarmUp(NamedTuple):
    """One request of a warm-up file.

    Attributes:
        signature: the name of the signature.
        inputs: its inputs by name.
    """

    signature: str
    inputs: Mapping[str, np.ndarray]


def write_warm_up(version: str | os.PathLike[str], requests: Sequence[WarmUp]) -> Path:
    """Writes the requests where TensorFlow Serving looks for them.

    Args:
        version: the directory of the version.
        requests: 1 to 1,000 requests.

    Raises:
        ExportError: too many, or none.
    """
    from tensorflow_serving.apis import prediction_log_pb2

    if not 1 <= len(requests) <= MOST_RECORDS:
        raise ExportError(
            f"A warm-up file holds 1 to {MOST_RECORDS} requests. Received: {len(requests)}."
        )
    path = Path(version) / WARM_UP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog()
            predict = log.predict_log.request
            predict.model_spec.name = "warm-up"
            predict.model_spec.signature_name = request.signature
            for name, value in request.inputs.items():
                predict.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())
    return path


def read_warm_up(version: str | os.PathLike[str]) -> list[WarmUp]:
    """Reads what `write_warm_up` wrote.

    Raises:
        ExportError: there is none, it is damaged, or it holds something else than requests.
    """
    return [_request(log) for log in read_logs(version)]


def read_logs(version: str | os.PathLike[str]) -> Iterable[prediction_log_pb2.PredictionLog]:
    """The records of a warm-up file.

    Raises:
        ExportError: there is no such file, or it is damaged.
    """
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    path = Path(version) / WARM_UP_FILE
    if not path.is_file():
        raise ExportError(f"A version holds {WARM_UP_FILE}. Received: {version}, which has none.")
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield prediction_log_pb2.PredictionLog.FromString(record)
    except (tf.errors.OpError, DecodeError) as error:
        raise ExportError(f"{path} is damaged: {str(error).splitlines()[0]}") from error


def _request(log: prediction_log_pb2.PredictionLog) -> WarmUp:
    if log.WhichOneof("log_type") != "predict_log":
        raise ExportError(
            "A warm-up record is a predict_log. "
            f"Received: {log.WhichOneof('log_type') or 'an empty record'}."
        )
    request = log.predict_log.request
    return WarmUp(
        request.model_spec.signature_name or "serving_default",
        {name: tf.make_ndarray(value) for name, value in request.inputs.items()},
    )
