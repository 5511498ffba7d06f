"""What is served: SavedModels that need neither tfprompt nor Keras to run."""

from tfprompt.artifacts.examples import sample_requests
from tfprompt.artifacts.lint import LintReport, lint_export
from tfprompt.artifacts.saved_model import export_saved_model
from tfprompt.artifacts.warm_up import WarmUp, read_warm_up, write_warm_up

__all__ = [
    "LintReport",
    "WarmUp",
    "export_saved_model",
    "lint_export",
    "read_warm_up",
    "sample_requests",
    "write_warm_up",
]
