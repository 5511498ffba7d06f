"""A report as a picture."""

from __future__ import annotations

import logging
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from tfprompt.explain.report import Bars, Grid, Listing, Report, Section

_BARS, _LABEL = 20, 46
# Those of the page, see `_html`.
_UP, _DOWN = "#1f6fb5", "#c45810"
_ROW, _WIDTH = 0.24, 9.0


def draw(report: Report, path: Path) -> None:
    """Draws all sections below each other.

    Args:
        report: what is shown.
        path: the picture's file.
    """
    # Its note about building a cache of fonts is none of the user's business.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [row for line in report.lines for row in textwrap.wrap(line, 105)]
    heights = [_height(section) for section in report.sections]
    head = 0.35 + 0.2 * len(lines)
    # No pyplot: its global state and choice of a window system belong to the user.
    figure = Figure(figsize=(_WIDTH, head + sum(heights)), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(heights) + 1, 1, squeeze=False, gridspec_kw={"height_ratios": [head, *heights]}
    )[:, 0]
    axes[0].axis("off")
    axes[0].text(0, 1, _plain(report.title), fontsize=13, weight="bold", va="top")
    axes[0].text(0, 1 - 0.3 / head, _plain("\n".join(lines)), fontsize=9, va="top")
    for place, section in zip(axes[1:], report.sections, strict=True):
        place.set_title(_plain(section.title), fontsize=10, loc="left", weight="bold")
        if isinstance(section, Bars):
            _bars(place, section)
        elif isinstance(section, Grid):
            _grid(place, section)
        else:
            _listing(place, section)
    canvas.print_figure(path, format="png", dpi=110)


def _height(section: Section) -> float:
    rows = len(section.rows)
    if isinstance(section, Bars):
        return 0.8 + _ROW * min(rows, _BARS)
    if isinstance(section, Grid):
        return 0.9 + _ROW * rows + 0.065 * max((len(c) for c in section.columns), default=0)
    return 0.5 + 0.2 * rows


def _bars(axes: Any, section: Bars) -> None:
    rows = section.strongest(_BARS)[::-1]
    labels = [_short(f"{row.group}: {row.label}" if row.group else row.label) for row in rows]
    values = [row.value for row in rows]
    drawn = axes.barh(range(len(rows)), values, color=[_UP if v >= 0 else _DOWN for v in values])
    axes.bar_label(drawn, [f"{value:+.3f}" for value in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.axvline(0, color="0.4", lw=0.8)
    axes.margins(x=0.14, y=0.02)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if len(section.rows) > len(rows):
        title = f"{section.title} (the strongest {len(rows)} of {len(section.rows)})"
        axes.set_title(_plain(title), fontsize=10, loc="left", weight="bold")


def _grid(axes: Any, section: Grid) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    low, high = section.low, section.high
    ends = [_DOWN, "#ffffff", _UP] if low < 0 else ["#ffffff", _UP]
    colours = LinearSegmentedColormap.from_list("shares", ends)
    axes.imshow(section.values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(section.columns)), [_short(c, 24) for c in section.columns],
                    fontsize=8, rotation=90 if len(section.columns) > 8 else 20, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    axes.set_yticks(range(len(section.rows)), [_short(row) for row in section.rows], fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if section.values.shape[1] > 30:
        return  # too narrow for numbers
    for (row, column), value in np.ndenumerate(section.values):
        strong = abs(value) > 0.6 * max(abs(low), abs(high))
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7,
                  color="white" if strong else "black")  # fmt: skip


def _listing(axes: Any, section: Listing) -> None:
    axes.axis("off")
    width = max((len(label) for label, _ in section.rows), default=0)
    text = "\n".join(f"{label:{width}}  {_short(text, 92)}" for label, text in section.rows)
    axes.text(0, 1, _plain(text), fontsize=8, family="monospace", va="top")


def _short(text: str, most: int = _LABEL) -> str:
    return _plain(text if len(text) <= most else text[: most - 1] + "…")


def _plain(text: str) -> str:
    """Text that matplotlib takes as it is: a pair of dollar signs would be a formula."""
    return text.replace("$", r"\$")
