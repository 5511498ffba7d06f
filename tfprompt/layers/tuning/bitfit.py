"""Biases alone."""

from __future__ import annotations

import keras

from tfprompt.layers.tuning.differences import Differences
from tfprompt.layers.tuning.frozen_weights import FrozenWeight


@keras.saving.register_keras_serializable("tfprompt")
class BitFit(Differences):
    """Trains the biases of the upper layers, the shifts of their normalizations included.

    Args:
        speed: of its steps, as a share of the optimizer's.
        name: part of the names of its weights.

    Raises:
        BackboneError: from the encoder, for a backbone without biases (Llama, Mistral, Qwen 3).

    Example:
        encoder = tp.PromptedEncoder(loaded, template, tuning=BitFit())

    Reference:
        Ben Zaken et al., 2022, "BitFit: Simple Parameter-efficient Fine-tuning", section 3.
    """

    method = "bitfit"

    def takes(self, weight: FrozenWeight) -> bool:
        """True for what is added."""
        return weight.is_bias

    def needs(self) -> str:
        """Biases."""
        return "layers with biases"
