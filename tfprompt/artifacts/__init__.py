"""What is served: SavedModels that need neither tfprompt nor Keras to run."""

from tfprompt.artifacts.examples import sample_requests
from tfprompt.artifacts.lint import LintReport, lint_export
from tfprompt.artifacts.model_card import read_card
from tfprompt.artifacts.reuse import Reused, reuse_artifact
from tfprompt.artifacts.saved_model import export_saved_model
from tfprompt.artifacts.warm_up import WarmUp, read_warm_up, write_warm_up

__all__ = [
    "LintReport",
    "Reused",
    "WarmUp",
    "export_saved_model",
    "lint_export",
    "read_card",
    "read_warm_up",
    "reuse_artifact",
    "sample_requests",
    "write_warm_up",
]
