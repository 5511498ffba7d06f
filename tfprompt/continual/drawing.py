"""A report as a picture."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfprompt._files import atomic_write
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.continual.report import ContinualReport


def draw(report: ContinualReport, path: Path) -> Path:
    """Draws the matrix as a heat map and each stage as a line over the training.

    Args:
        report: what to draw.
        path: ends with .png or .svg.

    Raises:
        ConfigError: another ending.
    """
    if path.suffix not in (".png", ".svg"):
        raise ConfigError(f"A picture ends with .png or .svg. Received: {path}.")
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    import matplotlib
    from matplotlib.figure import Figure

    first, matrix = report.runs[0], report.matrix
    count = len(first.stages)
    # No pyplot: its global state and choice of a window system belong to the user.
    figure = Figure(figsize=(5.2 + 1.1 * count, 1.6 + 0.6 * count), layout="constrained")
    heat, lines = figure.subplots(1, 2)
    heat.imshow(matrix, cmap="viridis")
    for row in range(count):
        for column in range(count):
            bright = matrix[row, column] > (matrix.max() + matrix.min()) / 2
            heat.text(column, row, f"{matrix[row, column]:.3f}", ha="center", va="center",
                      color="black" if bright else "white", fontsize="small")  # fmt: skip
    numbers = [str(number + 1) for number in range(count)]
    heat.set_xticks(range(count), numbers)
    heat.set_yticks(range(count), first.stages)
    heat.set(xlabel="asked", ylabel="after training", title=f"{first.method}, {first.measure}")
    for stage in range(count):
        values = np.array([run.matrix[:, stage] for run in report.runs])
        lines.plot(range(1, count + 1), values.mean(axis=0), marker="o", ms=3,
                   label=first.stages[stage])  # fmt: skip
        if len(values) > 1:
            lines.fill_between(
                range(1, count + 1), values.min(axis=0), values.max(axis=0), alpha=0.15
            )
    lines.set_xticks(range(1, count + 1))
    lines.set(xlabel="stages trained", title=f"{first.measure} on {first.part}")
    lines.grid(alpha=0.3)
    lines.legend(fontsize="x-small")
    # Without a date and with fixed ids the same report is the same file.
    with matplotlib.rc_context({"svg.hashsalt": "continual"}), atomic_write(path) as temporary:
        kind = path.suffix[1:]
        figure.savefig(temporary, format=kind, dpi=110,
                       metadata={"Date": None} if kind == "svg" else None)  # fmt: skip
    return path
