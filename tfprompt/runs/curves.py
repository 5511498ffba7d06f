"""The curves of a run as a picture."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from tfprompt._files import atomic_write
from tfprompt.runs.history import Row, standing


def draw_curves(path: Path, rows: Sequence[Row]) -> None:
    """Draws losses and validation measures over the epochs as PNG, atomically.

    Args:
        path: the picture.
        rows: of the log, one at least.
    """
    # Its note about building a cache of fonts is none of the user's business.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # No pyplot: its global state and choice of a window system belong to the user.
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    losses, measures = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    best = standing(rows).best_epoch
    panels = (
        (losses, "loss", {"loss": "training", "val_loss": "validation"}),
        (measures, "validation, all items ranked", _measures(rows[0])),
    )
    for axes, title, names in panels:
        for name, label in names.items():
            if name in rows[0]:
                axes.plot(epochs, [row[name] for row in rows], marker="o", ms=3, label=label)
        axes.axvline(best, color="0.6", lw=1, ls="--", label=f"best epoch ({best})")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    with atomic_write(path) as temporary:
        canvas.print_figure(temporary, format="png", dpi=110)


def _measures(row: Row) -> dict[str, str]:
    names = {"val_ndcg_at_10": "NDCG@10", "val_hr_at_10": "HR@10"}
    return {name: label for name, label in names.items() if name in row}
