"""Artifacts that a server would load and that would fail its first user, each by one fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfprompt.artifacts import WarmUp, write_warm_up

ROWS = tf.TensorSpec([None, 2], tf.float32, name="x")
REQUEST = {"x": np.array([[1, 2], [3, 5]], np.float32)}


class Twice(tf.Module):
    """Doubles rows `[B, 2]`, by way of a variable."""

    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = tf.Variable(factor)

    def double(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": self.factor * x}


def write(
    directory: Path,
    function: Callable[..., Any] | None = None,
    module: Twice | None = None,
    name: str = "serving_default",
    **options: Any,
) -> Path:
    """A small model that keeps every rule, unless what is given breaks one."""
    module = module or Twice()
    graph = tf.function(function or module.double, **options).get_concrete_function(x=ROWS)
    tf.saved_model.save(module, str(directory), {name: graph})
    write_warm_up(directory, [WarmUp(name, REQUEST)])
    return directory


def python(directory: Path) -> Path:
    def double(x: tf.Tensor) -> dict[str, tf.Tensor]:
        y = tf.numpy_function(lambda value: 2 * value, [x], tf.float32)
        return {"y": tf.ensure_shape(y, [None, 2])}

    return write(directory, double)


def compiled(directory: Path) -> Path:
    return write(directory, jit_compile=True)


def scalar(directory: Path) -> Path:
    return write(directory, lambda x: {"y": 2 * x, "mean": tf.reduce_mean(x)})


def tag(directory: Path) -> Path:
    """As for training: the same graph under another tag."""
    write(directory)
    from tensorflow.core.protobuf import saved_model_pb2

    path = directory / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    saved.meta_graphs[0].meta_info_def.tags[:] = ["train"]
    path.write_bytes(saved.SerializeToString())
    return directory


def no_default(directory: Path) -> Path:
    return write(directory, name="double")


def bfloat16(directory: Path) -> Path:
    return write(directory, lambda x: {"y": tf.cast(2 * x, tf.bfloat16)})


def half_written(directory: Path) -> Path:
    write(directory)
    (data,) = (directory / "variables").glob("variables.data-*")
    data.write_bytes(b"")
    return directory


def missing_shard(directory: Path) -> Path:
    write(directory)
    for data in (directory / "variables").glob("variables.data-*"):
        data.rename(data.with_name("variables.data-00000-of-00002"))
    return directory


def bad_warm_up(directory: Path) -> Path:
    write(directory)
    write_warm_up(directory, [WarmUp("serving_default", {"z": np.ones((1, 2), np.float32)})])
    return directory


def damaged_warm_up(directory: Path) -> Path:
    write(directory)
    path = directory / "assets.extra" / "tf_serving_warmup_requests"
    path.write_bytes(path.read_bytes()[:-3])
    return directory


def no_warm_up(directory: Path) -> Path:
    write(directory)
    shutil.rmtree(directory / "assets.extra")
    return directory


def unknown_operation(directory: Path) -> Path:
    """As a model with ScaNN in it."""
    write(directory)
    from tensorflow.core.protobuf import saved_model_pb2

    path = directory / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for function in saved.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "Mul":
                node.op = "Addons>ScannScannSearchBatched"
    path.write_bytes(saved.SerializeToString())
    return directory


def nan_weights(directory: Path) -> Path:
    return write(directory, module=Twice(float("nan")))


def leaking(directory: Path) -> Path:
    """A row's answer holds the mean of strangers."""
    return write(directory, lambda x: {"y": x - tf.reduce_mean(x, axis=0)})


def not_text(directory: Path) -> Path:
    def encode(x: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = tf.io.decode_base64("_w")  # the byte 255
        return {"blob": tf.fill([tf.shape(x)[0]], raw)}

    return write(directory, encode)


# What is broken, by the check that must say so.
BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "py_function": (python, "python"),
    "jit_compile": (compiled, "compiled"),
    "scalar output": (scalar, "outputs"),
    "wrong tag": (tag, "tag"),
    "no default signature": (no_default, "default-signature"),
    "bfloat16 output": (bfloat16, "types"),
    "half-written": (half_written, "complete"),
    "missing shard": (missing_shard, "complete"),
    "bad warm-up": (bad_warm_up, "warm-up"),
    "damaged warm-up": (damaged_warm_up, "warm-up"),
    "no warm-up": (no_warm_up, "warm-up"),
    "unknown operation": (unknown_operation, "operations"),
    "NaN weights": (nan_weights, "weights"),
    "rows that leak": (leaking, "rows"),
    "bytes as text": (not_text, "text"),
}
