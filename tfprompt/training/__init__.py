"""How a model is trained: devices, checkpoints, callbacks."""

from tfprompt.training.distribution import strategy

__all__ = ["strategy"]
