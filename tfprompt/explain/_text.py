"""A report as plain text."""

from __future__ import annotations

from tfprompt.explain.report import Bars, Grid, Heading, Report, Section

_BARS, _WIDTH, _LABEL = 24, 20, 48


def render(report: Report) -> str:
    """The report as text; lines are as long as they need to be."""
    blocks = ["\n".join((report.title, *report.lines))]
    blocks += ["\n".join(_section(section)) for section in report.sections]
    return "\n\n".join(blocks)


def _section(section: Section) -> list[str]:
    if isinstance(section, Heading):
        return [section.title, "=" * len(section.title), *section.lines]
    lines = [section.title]
    if section.note:
        lines.append(section.note)
    if isinstance(section, Bars):
        return lines + _bars(section)
    if isinstance(section, Grid):
        return lines + _grid(section)
    width = max((len(label) for label, _ in section.rows), default=0)
    return lines + [f"  {label:{width}}  {text}".rstrip() for label, text in section.rows]


def _bars(section: Bars) -> list[str]:
    rows = section.strongest(_BARS)
    most = max((abs(row.value) for row in rows), default=0.0) or 1.0
    labels = [short(row.label, _LABEL) for row in rows]
    width = max(map(len, labels), default=0)
    sign = "+" if section.signed else ""
    lines, group = [], ""
    for row, label in zip(rows, labels, strict=True):
        if row.group != group:
            group = row.group
            lines.append(f"  {short(group, 2 * _LABEL)}")
        bar = ("=" if row.value >= 0 else "-") * round(_WIDTH * abs(row.value) / most)
        bar = f"{bar:{_WIDTH}}  {row.detail}"
        inset = "    " if group else "  "
        lines.append(f"{inset}{label:{width}}  {row.value:{sign}.4f}  {bar}".rstrip())
    if (left := len(section.rows) - len(rows)) > 0:
        rest = sum(row.value for row in section.rows) - sum(row.value for row in rows)
        lines.append(f"  {f'{left} more':{width + 2}}  {rest:{sign}.4f}")
    return lines


def _grid(section: Grid) -> list[str]:
    width = max(map(len, section.rows), default=0)
    columns = [short(column, 24) for column in section.columns]
    head = " " * (width + 2) + "".join(f"  {column:>6}" for column in columns)
    lines = [head.rstrip()]
    for label, values in zip(section.rows, section.values, strict=True):
        cells = "".join(
            f"  {value:>{max(6, len(column))}.2f}"
            for column, value in zip(columns, values, strict=True)
        )
        lines.append(f"  {label:{width}}{cells}")
    return lines


def short(text: str, most: int) -> str:
    """A text of at most so many characters; the last one says that some are left out."""
    return text if len(text) <= most else text[: most - 1] + "…"
