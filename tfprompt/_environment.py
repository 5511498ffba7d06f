"""Selects the Keras that each dependency needs, before any of them is imported.

TFRS is written for Keras 2 (`tf_keras`) and KerasHub for Keras 3. Both live in one process if
`TF_USE_LEGACY_KERAS` is set before the first touch of `tf.keras`; set later, it does nothing and
`import tensorflow_recommenders` fails.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# What the C++ libraries say at start-up before they read TF_CPP_MIN_LOG_LEVEL: notes about CPU
# features and absent GPUs. Anything else they say is passed on.
_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog|I0000 |W0000 .*(cuda|gpu|GPU)"
    r"|E0000 .*(cuInit|Unable to register cu\w+ factory)"
)


_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Whether the level below is ours, and not the user's wish.
_level_is_ours = False


def prepare() -> None:
    """Sets the variables; called once by `import tfprompt`, which imports neither library."""
    global _level_is_ours
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # TensorFlow's C++ start-up lines (CPU features, missing GPU) drown a user's own output.
    _level_is_ours = _level_is_ours or _LEVEL not in os.environ
    os.environ.setdefault(_LEVEL, "2")


def quieten() -> None:
    """Leaves TensorFlow only errors to log, and its C++ code only fatal ones.

    For the command line, before TensorFlow is loaded: what it logs as an error at run time
    (oneDNN on CPUs without AVX-512, say) is followed by a fallback or by a Python exception.
    """
    if _level_is_ours:  # Else the user has said what to see.
        os.environ[_LEVEL] = "3"
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


def load_tensorflow() -> None:
    """Imports TensorFlow without its start-up lines on stderr; a second call costs nothing.

    They are written by static initialisers of the shared libraries, straight to file descriptor
    2 and before any setting is read, so the descriptor itself is turned away meanwhile.
    """
    if "tensorflow" in sys.modules and "tensorflow_text" in sys.modules:
        return
    with _start_up_lines_dropped():
        import tensorflow as tf
        import tensorflow_text  # noqa: F401 - its library has initialisers of its own

        # Looks for GPUs now, for the same reason. It fixes no setting: devices can still be
        # hidden and memory growth chosen.
        tf.config.list_physical_devices()


@contextlib.contextmanager
def _start_up_lines_dropped() -> Iterator[None]:
    """Holds back file descriptor 2 while the block runs, then passes on all but start-up lines."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):  # No stderr: there is nothing to keep clean.
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines(keepends=True)
            others = "".join(line for line in lines if not _START_UP.match(line))
            if others:
                os.write(2, others.encode())
