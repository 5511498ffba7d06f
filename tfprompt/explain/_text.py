"""A report as plain text."""

from __future__ import annotations

from tfprompt.explain.report import Bars, Grid, Listing, Report, Section

_BARS, _WIDTH, _LABEL = 24, 20, 48


def render(report: Report) -> str:
    """The report as text; lines are as long as they need to be."""
    blocks = ["\n".join((report.title, *report.lines))]
    blocks += ["\n".join(_section(section)) for section in report.sections]
    return "\n\n".join(blocks)


def _section(section: Section) -> list[str]:
    lines = [section.title]
    if section.note:
        lines.append(section.note)
    if isinstance(section, Bars):
        return lines + _bars(section)
    if isinstance(section, Grid):
        return lines + _grid(section)
    assert isinstance(section, Listing)
    width = max((len(label) for label, _ in section.rows), default=0)
    return lines + [f"  {label:{width}}  {text}".rstrip() for label, text in section.rows]


def _bars(section: Bars) -> list[str]:
    rows = section.strongest(_BARS)
    most = max((abs(row.value) for row in rows), default=0.0) or 1.0
    labels = [_short(f"{row.group}: {row.label}" if row.group else row.label) for row in rows]
    width = max(map(len, labels), default=0)
    lines = []
    for row, label in zip(rows, labels, strict=True):
        bar = ("=" if row.value >= 0 else "-") * round(_WIDTH * abs(row.value) / most)
        detail = f"  {row.detail}" if row.detail else ""
        bar = f"{bar:{_WIDTH}}" if detail else bar
        lines.append(f"  {label:{width}}  {row.value:+.4f}  {bar}{detail}".rstrip())
    if (left := len(section.rows) - len(rows)) > 0:
        rest = sum(row.value for row in section.rows) - sum(row.value for row in rows)
        lines.append(f"  {f'{left} more':{width}}  {rest:+.4f}")
    return lines


def _grid(section: Grid) -> list[str]:
    width = max(map(len, section.rows), default=0)
    columns = [_short(column, 24) for column in section.columns]
    head = " " * (width + 2) + "".join(f"  {column:>6}" for column in columns)
    lines = [head.rstrip()]
    for label, values in zip(section.rows, section.values, strict=True):
        cells = "".join(
            f"  {value:>{max(6, len(column))}.2f}"
            for column, value in zip(columns, values, strict=True)
        )
        lines.append(f"  {label:{width}}{cells}")
    return lines


def _short(text: str, most: int = _LABEL) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
