"""One loaded version of a model: its signatures, and how to run one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving import codes
from tfprompt.serving.definitions import definitions_document, read_definitions
from tfprompt.serving.signature import Signature, read_signatures

DEFAULT_SIGNATURE = "serving_default"


class Servable:
    """One loaded version of a model.

    Args:
        version: its number.
        definitions: `SignatureDefMap`, what GetModelMetadata tells.
        functions: callables by signature; tensors in by name, tensors out by name.

    Example:
        servable = Servable.load("models/demo/1", version=1)
        servable.run("serving_default", {"history": history, "wish": wish})
    """

    def __init__(
        self, version: int, definitions: Any, functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.version = version
        self.definitions = definitions
        # The JSON form, as REST tells it; read here too, so that there is one reader.
        self.metadata = definitions_document(definitions)
        self._signatures = read_signatures(self.metadata)
        self._functions = functions

    @classmethod
    def load(cls, directory: str | Path, version: int) -> Servable:
        """Loads a SavedModel with TensorFlow and TensorFlow Text alone.

        Args:
            directory: holds `saved_model.pb`.
            version: the number it is served under.

        Raises:
            Exception: whatever TensorFlow raises on a broken artifact.
        """
        import tensorflow as tf
        import tensorflow_text  # noqa: F401 - registers the operations of tokenizers

        definitions = read_definitions(Path(directory))
        loaded = tf.saved_model.load(str(directory), tags=["serve"])
        functions = dict(loaded.signatures.items())
        for function in functions.values():
            function.kept_alive_by = loaded  # variables and tables live as long as their module
        return cls(version, definitions, functions)

    def signature(self, name: str = "") -> Signature:
        """The signature `name`, by default `serving_default`.

        Raises:
            RequestError: there is none of that name.
        """
        wanted = name or DEFAULT_SIGNATURE
        if wanted not in self._signatures or wanted not in self._functions:
            raise RequestError(
                f"Serving signature name {wanted!r} is not in the model. It has: "
                f"{', '.join(sorted(self._functions))}.",
                code="FAILED_PRECONDITION",
                field="signature_name",
            )
        return self._signatures[wanted]

    def run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a signature on inputs that were checked.

        Raises:
            ServingError: with the code that TensorFlow gives, INVALID_ARGUMENT where the graph
                itself refuses a value.
        """
        import tensorflow as tf

        try:
            tensors = {
                key: tf.constant(values, tf.string if values.dtype == object else values.dtype)
                for key, values in inputs.items()
            }
            outputs = self._functions[name](**tensors)
            return {key: output.numpy() for key, output in outputs.items()}
        except tf.errors.OpError as error:
            raise codes.error(codes.name(error.error_code), _reason(error.message)) from error


def _reason(message: str) -> str:
    """What a graph refused, without the names of its nodes and the traces around it."""
    around = ("Graph execution error", "Detected at node", "<stack traces", "[[")
    lines = [line.strip() for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith(around)]
    return " ".join(kept)[:1000] or message[:1000]
