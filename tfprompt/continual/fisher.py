"""How much the loss of a stage hangs on each trained number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from tfprompt.data.sequences import Sequences
    from tfprompt.models.retriever import Retriever


def fisher(
    model: Retriever,
    sequences: Sequences,
    variables: Mapping[str, Any],
    *,
    windows: int = 200,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """The diagonal of the empirical Fisher information, by an event.

    The mean over windows of the squared gradient of the log-likelihood of a window's targets,
    divided by the mean number of those: on the scale of the loss that training minimises.

    Args:
        model: trained on `sequences`.
        sequences: a stage's training part.
        variables: what to look at, by name.
        windows: how many are looked at, drawn without replacement.
        seed: of the draw.

    Returns:
        An array of each variable's shape, by name.
    """
    tensors = [variable.value for variable in variables.values()]

    @tf.function(reduce_retracing=True)
    def gradients(x: Any, target: Any) -> tuple[list[Any], Any]:
        with tf.GradientTape() as tape:
            queries = model(x, every_position=model._every_position, training=False)
            total, count = model.loss_function(model, queries, target)
        found = tape.gradient(total, tensors, unconnected_gradients="zero")
        return [tf.convert_to_tensor(gradient) for gradient in found], count

    squares = [np.zeros(tensor.shape, np.float64) for tensor in tensors]
    targets, looked_at = 0.0, 0
    for _, x, y in model.pipeline.training_arrays(sequences, batch_size=1, seed=seed):
        given = {name: tf.convert_to_tensor(value) for name, value in x.items()}
        found, count = gradients(given, tf.convert_to_tensor(y["target"]))
        for square, gradient in zip(squares, found, strict=True):
            square += np.square(np.asarray(gradient, np.float64))
        targets += float(count)
        looked_at += 1
        if looked_at == windows:
            break
    by_event = [(square / max(targets, 1.0)).astype(np.float32) for square in squares]
    return dict(zip(variables, by_event, strict=True))
