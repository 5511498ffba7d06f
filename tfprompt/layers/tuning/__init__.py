"""Tuning inside frozen layers, beside prompts: a few weights that change what a layer computes."""

from tfprompt.layers.tuning.adalora import AdaLora
from tfprompt.layers.tuning.adapter import Adapter
from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.bitfit import BitFit
from tfprompt.layers.tuning.choosing import chosen
from tfprompt.layers.tuning.full import FullTuning
from tfprompt.layers.tuning.ia3 import IA3
from tfprompt.layers.tuning.layer_norm import LayerNormTuning
from tfprompt.layers.tuning.lora import Lora
from tfprompt.layers.tuning.tuned_layers import TunedLayers

__all__ = [
    "AdaLora",
    "Adapter",
    "BitFit",
    "FullTuning",
    "IA3",
    "LayerNormTuning",
    "Lora",
    "TunedLayers",
    "Tuning",
    "chosen",
]
