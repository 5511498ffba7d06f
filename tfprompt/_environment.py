"""Selects the Keras that each dependency needs, before any of them is imported.

TFRS is written for Keras 2 (`tf_keras`) and KerasHub for Keras 3. Both live in one process if
`TF_USE_LEGACY_KERAS` is set before the first touch of `tf.keras`; set later, it does nothing and
`import tensorflow_recommenders` fails.
"""

from __future__ import annotations

import os


def prepare() -> None:
    """Sets the variables; called once by `import tfprompt`, which imports neither library."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # TensorFlow's C++ start-up lines (CPU features, missing GPU) drown a user's own output.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
