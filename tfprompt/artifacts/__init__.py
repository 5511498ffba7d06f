"""What is served or carried: SavedModels and LiteRT files that need neither tfprompt nor Keras."""

from tfprompt.artifacts.litert import export_litert
from tfprompt.artifacts.saved_model import export_saved_model

__all__ = ["export_litert", "export_saved_model"]
