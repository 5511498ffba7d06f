"""What is served or carried: SavedModels and LiteRT files that need neither tfprompt nor Keras."""

from tfprompt.artifacts.examples import sample_requests
from tfprompt.artifacts.lint import LintReport, lint_export
from tfprompt.artifacts.litert import export_litert
from tfprompt.artifacts.model_card import read_card
from tfprompt.artifacts.reuse import Reused, reuse_artifact
from tfprompt.artifacts.saved_model import export_saved_model
from tfprompt.artifacts.warm_up import WarmUp, read_warm_up, write_warm_up

__all__ = [
    "LintReport",
    "Reused",
    "WarmUp",
    "export_litert",
    "export_saved_model",
    "lint_export",
    "read_card",
    "read_warm_up",
    "reuse_artifact",
    "sample_requests",
    "write_warm_up",
]
