"""Normalizations alone."""

from __future__ import annotations

import keras

from tfprompt.layers.tuning.differences import Differences
from tfprompt.layers.tuning.frozen_weights import NORM, FrozenWeight


@keras.saving.register_keras_serializable("tfprompt")
class LayerNormTuning(Differences):
    """Trains gains and shifts of the normalizations, the one behind the last layer included.

    Args:
        speed: of its steps, as a share of the optimizer's.
        name: part of the names of its weights.

    Raises:
        BackboneError: from the encoder, for a backbone without normalizations.

    Example:
        encoder = tp.PromptedEncoder(loaded, template, tuning=LayerNormTuning())

    Reference:
        Zhao et al., 2024, "Tuning LayerNorm in Attention: Towards Efficient Multi-Modal LLM
        Finetuning"; Lu et al., 2022, "Frozen Pretrained Transformers as Universal Computation
        Engines" (all else frozen).
    """

    method = "layer_norm"

    def takes(self, weight: FrozenWeight) -> bool:
        """True for the weights of normalizations."""
        return weight.role == NORM

    def needs(self) -> str:
        """Normalizations."""
        return "normalizations with weights"
