"""What is served: SavedModels that need neither tfprompt nor Keras to run."""

from tfprompt.artifacts.saved_model import export_saved_model

__all__ = ["export_saved_model"]
