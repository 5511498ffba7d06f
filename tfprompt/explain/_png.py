"""A report as a picture."""

from __future__ import annotations

import logging
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from tfprompt.explain._text import short
from tfprompt.explain.report import Bars, Grid, Heading, Listing, Report, Section

_BARS, _LABEL = 20, 44
# Those of the page, see `_html`.
_UP, _DOWN = "#1f6fb5", "#c45810"
# In inches: a row of bars or numbers, a line of text, the picture, what labels and margins take.
_ROW, _LINE, _WIDTH, _LEFT, _MARGIN = 0.23, 0.19, 9.5, 3.4, 0.25


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

    sections = (Heading(report.title, report.lines), *report.sections)
    height = 2 * _MARGIN + sum(map(_height, sections))
    # No pyplot: its global state and choice of a window system belong to the user.
    figure = Figure(figsize=(_WIDTH, height))
    canvas = FigureCanvasAgg(figure)
    top = height - _MARGIN
    for section in sections:
        _section(figure, section, top)
        top -= _height(section)
    canvas.print_figure(path, format="png", dpi=110)


def _height(section: Section) -> float:
    if isinstance(section, Heading):
        return 0.55 + _LINE * len(_wrapped(section.lines))
    if isinstance(section, Bars):
        return 0.85 + _notes(section) + _ROW * min(len(section.rows), _BARS)
    if isinstance(section, Grid):
        return 0.6 + _notes(section) + _ROW * len(section.rows) + _foot(section)
    return 0.55 + _notes(section) + _LINE * len(section.rows)


def _notes(section: Bars | Grid | Listing) -> float:
    return _LINE * len(_wrapped((section.note,)))


def _foot(section: Grid) -> float:
    """What the names of columns take below a grid."""
    return 0.2 + 0.058 * max((len(short(c, 30)) for c in section.columns), default=0)


def _wrapped(lines: tuple[str, ...]) -> list[str]:
    return [row for line in lines for row in textwrap.wrap(line, 120)]


def _section(figure: Any, section: Section, top: float) -> None:
    title = section.title
    if isinstance(section, Bars) and len(section.rows) > _BARS:
        title += f" (the strongest {_BARS} of {len(section.rows)})"
    heading = isinstance(section, Heading)
    _write(figure, title, top, size=13 if heading else 10, weight="bold")
    top -= 0.3 if heading else 0.22
    lines = section.lines if isinstance(section, Heading) else (section.note,)
    for line in _wrapped(lines):
        _write(figure, line, top, size=9, colour="0.1" if heading else "0.35")
        top -= _LINE
    if isinstance(section, Listing):
        width = max((len(label) for label, _ in section.rows), default=0)
        for label, text in section.rows:
            _write(figure, f"{label:{width}}  {short(text, 100)}", top, size=8, family="monospace")
            top -= _LINE
    elif isinstance(section, Bars):
        _bars(_axes(figure, min(len(section.rows), _BARS), top), section)
    elif isinstance(section, Grid):
        _grid(_axes(figure, len(section.rows), top), section)


def _axes(figure: Any, rows: int, top: float) -> Any:
    """Room for some rows, right of their labels."""
    size, height = figure.get_size_inches(), _ROW * max(rows, 1)
    box = (_LEFT, top - height - 0.05, size[0] - _LEFT - 2 * _MARGIN, height)
    return figure.add_axes(np.array(box) / np.tile(size, 2))


def _write(figure: Any, text: str, top: float, *, size: float, colour: str = "0.1",
           **style: Any) -> None:  # fmt: skip
    width, height = figure.get_size_inches()
    figure.text(_MARGIN / width, top / height, _plain(text), fontsize=size, va="top",
                color=colour, **style)  # fmt: skip


def _bars(axes: Any, section: Bars) -> None:
    rows = section.strongest(_BARS)[::-1]
    values = [row.value for row in rows]
    drawn = axes.barh(range(len(rows)), values, color=[_UP if v >= 0 else _DOWN for v in values])
    sign = "+" if section.signed else ""
    axes.bar_label(drawn, [f"{v:{sign}.3f}" for v in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(rows)), [_label(row.label, row.group) for row in rows], fontsize=8)
    axes.axvline(0, color="0.4", lw=0.8)
    axes.margins(x=0.14)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _label(label: str, group: str) -> str:
    """A row's label, and its group as far as there is room."""
    room = _LABEL - len(short(label, _LABEL)) - 3
    return _plain(short(label, _LABEL) + (f" ({short(group, room)})" if group and room > 5 else ""))


def _grid(axes: Any, section: Grid) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    low, high = section.low, section.high
    ends = [_DOWN, "#ffffff", _UP] if low < 0 else ["#ffffff", _UP]
    colours = LinearSegmentedColormap.from_list("shares", ends)
    axes.imshow(section.values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    columns = [_plain(short(column, 30)) for column in section.columns]
    axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=60, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    rows = [_plain(short(row, _LABEL)) for row in section.rows]
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(columns) > 20:
        return  # too narrow for numbers
    for (row, column), value in np.ndenumerate(section.values):
        strong = abs(value) > 0.6 * max(abs(low), abs(high))
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7,
                  color="white" if strong else "black")  # fmt: skip


def _plain(text: str) -> str:
    """Text that matplotlib takes as it is: a pair of dollar signs would be a formula."""
    return text.replace("$", r"\$")
