"""The variables of an artifact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfprompt.artifacts.lint.report import Check


def check_weights(directory: Path) -> Check:
    """Every variable can be read, and every number is finite."""
    found = []
    prefix = str(directory / "variables" / "variables")
    try:
        reader = tf.train.load_checkpoint(prefix)
        names = sorted(reader.get_variable_to_shape_map())
    except Exception as error:  # TensorFlow raises what the file system gave it
        return _check((f"variables cannot be read: {_first_line(error)}",))
    for name in names:
        try:
            value = reader.get_tensor(name)
        except Exception as error:
            found.append(f"{_short(name)} cannot be read: {_first_line(error)}")
            continue
        value = np.asarray(value)
        floating = np.issubdtype(value.dtype, np.floating) or value.dtype == tf.bfloat16
        if floating and not np.isfinite(value.astype(np.float32)).all():
            found.append(f"{_short(name)} holds NaN or infinite values")
    return _check(tuple(found[:10]))


def _check(found: tuple[str, ...]) -> Check:
    return Check(
        "weights",
        "all variables can be read and are finite",
        found,
        "NaN means that training diverged: export an earlier checkpoint. A file that cannot be "
        "read is damaged: export again.",
    )


def _short(name: str) -> str:
    return name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
