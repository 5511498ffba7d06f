"""`tfprompt demo-page`: a web page that shows a model to somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tfprompt.cli import options, output

EXAMPLE = "Example: tfprompt demo-page models/ml --output pages/ml"


def demo_page(
    model: Annotated[Path, typer.Argument(help="MODEL/VERSION, or MODEL for its highest version.")],
    directory: Annotated[
        Path, typer.Option("--output", help="Directory to write; an older page is replaced.")
    ],
    name: Annotated[
        str, typer.Option(help="Name that the model is served under; by default its directory's.")
    ] = "",
    items: Annotated[
        Path | None,
        typer.Option(help="Table of items with titles, for a model exported without --titles."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Write a web page to try a model in a browser; `tfprompt serve --page` shows it."""
    with output.working("Reading the model"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        from tfprompt.serving.local.demo_page import version_of, write_demo_page

        written = write_demo_page(model, directory, name=name, items=items)
        base = version_of(model).parent
    if json:
        output.emit_json({"directory": str(written)})
    else:
        print(f"{written}: show it with `tfprompt serve {base} --page {written}`")
