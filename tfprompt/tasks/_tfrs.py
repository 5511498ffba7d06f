"""Imports TFRS, or says what stands in its way."""

from __future__ import annotations

from tfprompt import _environment
from tfprompt.errors import ConfigError

_environment.prepare()

try:
    import tensorflow_recommenders as tfrs
except ImportError as error:
    raise ConfigError(
        "TFRS needs TF_USE_LEGACY_KERAS=1 before tf.keras is first touched. Import tfprompt before "
        "tensorflow, keras or keras_hub, or set the variable in the environment. "
        f"Received: {error}."
    ) from error

__all__ = ["tfrs"]
