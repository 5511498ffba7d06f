"""`tfprompt evaluate`: figures of a run on the test part."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tfprompt._files import read_json
from tfprompt.cli import options, output

EXAMPLE = "Example: tfprompt evaluate runs/ml --json"


def evaluate(
    run: options.RunDirectory,
    part: Annotated[str, typer.Option(help="Part of the split: test or validation.")] = "test",
    k: Annotated[str, typer.Option(help="Lengths of the list.")] = "5,10,20",
    baselines: Annotated[
        bool, typer.Option(help="Rank popularity, item-kNN and untrained text beside it.")
    ] = True,
    bootstrap: Annotated[
        int, typer.Option(help="Resamples of users for the 95 % intervals; 0 for none.")
    ] = 1000,
    json: options.Json = False,
) -> None:
    """Rank the whole catalog for every request and report HR, NDCG, recall and MRR.

    Seen items are excluded and a tie is never a hit. Also written to report.json in the run.
    """
    from tfprompt.runs.run import Run

    opened = Run(run)
    lengths = _lengths(k)
    with output.working("Evaluating"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        report = opened.evaluate(
            part,  # type: ignore[arg-type]  # checked in there
            k=lengths,
            baselines=baselines,
            bootstrap=bootstrap,
        )
    written = read_json(opened.report_path(part))
    if json:
        output.emit_json(written)
        return
    print(report)
    print(_parameters(written))
    print(f"epoch {written['epoch']}; written to {opened.report_path(part)}")


def _lengths(text: str) -> tuple[int, ...]:
    from tfprompt.errors import ConfigError

    try:
        lengths = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise ConfigError(f"--k is one or more lengths, as 5,10,20. Received: {text!r}.") from None
    # The figure that runs are chosen and compared by is always there.
    return tuple(sorted({*lengths, 10}))


def _parameters(written: dict[str, Any]) -> str:
    trained, total = written["trainable_parameters"], written["total_parameters"]
    share = trained / (total - trained)
    return f"\n{trained:,} trained parameters on {total - trained:,} frozen ones ({share:.2%})"
