"""How a model is trained: devices, callbacks, and which parts."""

from tfprompt.training.best_weights import BestWeights
from tfprompt.training.distribution import strategy
from tfprompt.training.parts import only

__all__ = ["BestWeights", "only", "strategy"]
