"""How a model is trained: devices, checkpoints, callbacks."""

from tfprompt.training.best_weights import BestWeights
from tfprompt.training.distribution import strategy

__all__ = ["BestWeights", "strategy"]
