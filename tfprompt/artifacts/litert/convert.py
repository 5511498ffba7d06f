"""From the graph of a device to the bytes of a `.tflite` file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tensorflow as tf

from tfprompt.errors import ExportError

if TYPE_CHECKING:
    from tfprompt.artifacts.litert.graph import DeviceGraph

Quantize = Literal["fp16", "dynamic", "int8"]
QUANTIZE = (None, "fp16", "dynamic", "int8")


def convert(
    graph: DeviceGraph,
    quantize: Quantize | None,
    calibration: Iterable[Mapping[str, np.ndarray]] = (),
) -> bytes:
    """The graph as a LiteRT model of built-in operations alone.

    Args:
        graph: the graph.
        quantize: None keeps float32. "fp16" stores weights in half precision. "dynamic" stores
            them as int8 and computes on int8 where that is faster. "int8" also has activations of
            int8, whose ranges are measured.
        calibration: inputs of real requests, for "int8".

    Raises:
        ExportError: an operation that LiteRT's built-in ones cannot express.
    """
    built_in = tf.lite.OpsSet.TFLITE_BUILTINS
    options: dict[str, Any] = {"target_spec": {"supported_ops": [built_in]}}
    if quantize is not None:
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if quantize == "fp16":
        options["target_spec"]["supported_types"] = [tf.float16]
    if quantize == "int8":
        options["target_spec"]["supported_ops"] = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, built_in]
        options["representative_dataset"] = lambda: iter(dict(inputs) for inputs in calibration)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        try:
            # Keras' own way: `TFLiteConverter.from_concrete_functions` loses the weights of a
            # Keras 3 model without a word.
            graph.export(
                str(path),
                format="litert",
                input_signature=[graph.input_signature()],
                verbose=False,
                **options,
            )
        except Exception as error:  # The converter raises its own and plain exceptions.
            reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise ExportError(
                f"LiteRT's converter refused the model. Received: {reason[0][:300]} Try "
                "quantize=None, or another template."
            ) from error
        return path.read_bytes()
