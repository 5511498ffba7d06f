"""Runs the requests that a version brings along, before it is shown to anyone.

The file and its limit are TensorFlow Serving's: `assets.extra/tf_serving_warmup_requests`, a
TFRecord of at most 1,000 `PredictionLog` messages.
"""

from __future__ import annotations

from pathlib import Path

from tfprompt.errors import ExportError
from tfprompt.serving.checks import check_inputs
from tfprompt.serving.limits import Limits
from tfprompt.serving.local.servable import Servable
from tfprompt.serving.tensors import from_proto

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000


def warm_up(servable: Servable, directory: str | Path, limits: Limits | None = None) -> int:
    """Runs every request of the warm-up file; a model without one is fine.

    Args:
        servable: the loaded version.
        directory: of the version.
        limits: as for requests.

    Returns:
        How many requests ran.

    Raises:
        ExportError: a record cannot be read, is no Predict request, or there are too many.
        ServingError: a request fails.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    limits = limits or Limits()
    path = Path(directory) / FILE
    if not path.is_file():
        return 0
    count = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            if log.WhichOneof("log_type") != "predict_log":
                raise ExportError(
                    f"Warm-up requests are Predict requests here. Received: record {count} is "
                    f"{log.WhichOneof('log_type')} in {path}."
                )
            if count == MAX_RECORDS:
                raise ExportError(f"At most {MAX_RECORDS} warm-up records are allowed: {path}.")
            request = log.predict_log.request
            signature = servable.signature(request.model_spec.signature_name)
            inputs = {
                name: from_proto(name, proto, limits.max_elements)
                for name, proto in request.inputs.items()
            }
            check_inputs(signature, inputs, limits)
            servable.run(signature.name, inputs)
            count += 1
    except (tf.errors.DataLossError, DecodeError) as error:
        raise ExportError(
            f"The warm-up file is a TFRecord of PredictionLog. Received: record {count} of {path} "
            "cannot be read."
        ) from error
    return count
