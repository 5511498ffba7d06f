"""One hash that says which frozen network this is."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

# What may differ between two loads of the same network: a counter in the name, the freezing.
_NOT_IDENTITY = ("name", "trainable")


def fingerprint(backbone: keras.Model) -> str:
    """Hash of a backbone's configuration and of every weight.

    Two loads of the same files agree whatever their directory is called; one changed weight
    changes it. Prompts, caches and artifacts are tied to a backbone by this value. About 0.1 s
    for 22.7 million parameters.

    Args:
        backbone: a KerasHub backbone (any Keras model with `get_config`).

    Returns:
        64 hexadecimal digits: SHA-256 over the configuration as JSON, then name, shape, type and
        bytes of each weight in the model's order.

    Example:
        >>> import keras
        >>> inputs = keras.Input((2,))
        >>> a = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs))
        >>> len(fingerprint(a))
        64
    """
    config: dict[str, Any] = dict(backbone.get_config())
    for key in _NOT_IDENTITY:
        config.pop(key, None)
    digest = hashlib.sha256(type(backbone).__name__.encode())
    digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    for weight in backbone.weights:
        value = np.ascontiguousarray(weight.numpy())
        digest.update(f"{weight.name}{value.shape}{value.dtype}".encode())
        digest.update(value.view(np.uint8).data if value.size else b"")
    return digest.hexdigest()
