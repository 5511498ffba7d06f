"""`tfprompt lint-export`: would a server take this artifact, and its users too?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tfprompt.cli import options, output

EXAMPLE = "Example: tfprompt lint-export models/ml/1"


def lint_export(
    directory: Annotated[Path, typer.Argument(help="MODEL/VERSION, any SavedModel.")],
    json: options.Json = False,
) -> None:
    """Check an artifact as TensorFlow Serving would meet it; 1 where a check fails."""
    with output.working("Checking"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        from tfprompt.artifacts.lint import lint_export as lint

        report = lint(directory)
    if json:
        output.emit_json(report.to_dict())
    else:
        print(report)
    if not report.passed:
        raise typer.Exit(1)
