"""Fresh prompts at a layer above the seam."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfprompt.layers.soft_prompt import SoftPrompt


@keras.saving.register_keras_serializable("tfprompt")
class DeepPrompt(SoftPrompt):
    """Overwrites the first P positions of a layer's input with its own trained vectors.

    One layer of "deep" prompting: the states that the layer below computed for the prompt
    positions are dropped and fresh vectors take their place.

    Args:
        length: number of vectors P.
        width: their width D.
        initializer: a Keras initializer for the `[P, D]` matrix.

    Call arguments:
        like: hidden states `[B, S, D]` whose first P positions are prompts.
        prompts: vectors of each row `[B, P, D]` instead of the trained ones.

    Output shape: `[B, S, D]`.

    Example:
        >>> deep = DeepPrompt(length=2, width=4, initializer="ones")
        >>> float(keras.ops.sum(deep(keras.ops.zeros((1, 5, 4)))))
        8.0

    Reference:
        Jia et al., 2022, "Visual Prompt Tuning" (VPT-deep); Liu et al., 2021, "P-Tuning v2".
    """

    def call(self, like: Any, prompts: Any = None) -> Any:
        """Replaces positions 0 to P-1: `[B, S, D]` in and out."""
        if prompts is None:
            prompts = super().call(like)
        return ops.concatenate([prompts, like[:, self.length :]], axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the input."""
        return input_shape
