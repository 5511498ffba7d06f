"""Everything above the seam."""

from __future__ import annotations

import keras

from tfprompt.layers.tuning.differences import Differences
from tfprompt.layers.tuning.frozen_weights import FrozenWeight


@keras.saving.register_keras_serializable("tfprompt")
class FullTuning(Differences):
    """Trains every weight of the upper layers: the bound that cheaper methods are measured by.

    A checkpoint then holds as much as the layers above the seam. What is below it stays frozen,
    and its states stay cached.

    Args:
        speed: of its steps, as a share of the optimizer's.
        name: part of the names of its weights.

    Example:
        encoder = tp.PromptedEncoder(loaded, template, prompt_layer=4, tuning=FullTuning())

    Reference:
        Howard and Ruder, 2018, "Universal Language Model Fine-tuning", section 3.3 (the upper
        layers first).
    """

    method = "full"

    def takes(self, weight: FrozenWeight) -> bool:
        """True for all."""
        return True
