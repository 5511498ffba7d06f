"""A report as one page: text in tables, with colours that only repeat what the numbers say."""

from __future__ import annotations

from html import escape
from itertools import groupby

from tfprompt.explain.report import Bars, Grid, Heading, Report, Section

# Blue and orange differ for the colour-blind too; the sign stands beside the number anyway.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #59636e; --line: #d7dce1;
  --up: 31 111 181; --down: 196 88 16; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --paper: #14171a; --soft: #9aa4ae;
  --line: #353b41; --up: 92 168 238; --down: 240 142 74; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .25rem; }
p { margin: .25rem 0; } .note { color: var(--soft); max-width: 46rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin-top: .5rem; }
caption { text-align: left; } th, td { padding: .15rem .6rem .15rem 0; text-align: left;
  vertical-align: top; } thead th { border-bottom: 1px solid var(--line); color: var(--soft);
  font-weight: 500; } tbody th { font-weight: 400; } th.group, td.detail { color: var(--soft); }
th.group { max-width: 14rem; } td.detail { padding-left: .75rem; white-space: nowrap; }
td.number, .grid td { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.bar { width: 16rem; padding: .3rem 0 0; } .bar span { display: block; height: .8rem;
  border-radius: 2px; } .up { background: rgb(var(--up)); } .down { background: rgb(var(--down)); }
.grid td { padding: .2rem .5rem; } .grid thead th { text-align: right; }
"""


def render(report: Report) -> str:
    """The page as HTML; every text is escaped."""
    title = escape(report.title)
    lines = "".join(f"<p>{escape(line)}</p>\n" for line in report.lines)
    sections = "\n".join(_section(section) for section in report.sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n{lines}{sections}\n</main>\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    if isinstance(section, Heading):
        lines = "".join(f"<p>{escape(line)}</p>\n" for line in section.lines)
        return f"<h2>{escape(section.title)}</h2>\n{lines}"
    note = f'<p class="note">{escape(section.note)}</p>\n' if section.note else ""
    if isinstance(section, Bars):
        table = _bars(section)
    elif isinstance(section, Grid):
        table = _grid(section)
    else:
        rows = "".join(
            f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>\n'
            for label, text in section.rows
        )
        table = f"<table>\n<tbody>\n{rows}</tbody>\n</table>"
    return (
        f"<section>\n<h3>{escape(section.title)}</h3>\n{note}"
        f'<div class="wide">{table}</div>\n</section>'
    )


def _bars(section: Bars) -> str:
    most = max((abs(row.value) for row in section.rows), default=0.0) or 1.0
    # Zero stands where the longest bar to its left still fits.
    below = max((-row.value for row in section.rows), default=0.0)
    above = max((row.value for row in section.rows), default=0.0)
    left, whole = max(below, 0.0), max(below, 0.0) + max(above, 0.0) or most
    heads_of = _groups(section)
    detailed = any(row.detail for row in section.rows)
    heads = [
        *(("segment",) if heads_of else ()),
        "",
        "share",
        "",
        *(("of it",) if detailed else ()),
    ]
    sign = "+" if section.signed else ""
    rows: list[str] = []
    for row in section.rows:
        start = (left + min(row.value, 0.0)) / whole
        bar = (
            f'<span class="{"up" if row.value >= 0 else "down"}" style="width:'
            f'{100 * abs(row.value) / whole:.1f}%;margin-left:{100 * start:.1f}%"></span>'
        )
        cells = [
            f'<th scope="row">{escape(row.label)}</th>',
            f'<td class="number">{row.value:{sign}.4f}</td>',
            f'<td class="bar" aria-hidden="true">{bar}</td>',
        ]
        if detailed:
            cells.append(f'<td class="detail">{escape(row.detail)}</td>')
        first = heads_of.get(len(rows), "")
        rows.append(f"<tr>{first}{''.join(cells)}</tr>\n")
    head = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in heads)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>"


def _groups(section: Bars) -> dict[int, str]:
    """A heading for each run of rows of one group, by the place of its first row."""
    if not any(row.group for row in section.rows):
        return {}
    found, place = {}, 0
    for group, rows in groupby(section.rows, key=lambda row: row.group):
        count = len(list(rows))
        found[place] = f'<th class="group" scope="rowgroup" rowspan="{count}">{escape(group)}</th>'
        place += count
    return found


def _grid(section: Grid) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in section.columns)
    rows = []
    for label, values in zip(section.rows, section.values, strict=True):
        cells = "".join(
            f'<td style="background:{_colour(float(value), section)}">{value:.2f}</td>'
            for value in values
        )
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>\n')
    return (
        f'<table class="grid">\n<thead><tr><td></td>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody>\n</table>"
    )


def _colour(value: float, section: Grid) -> str:
    """A see-through colour, at most half covering, so that the number stays readable."""
    end = section.high if value >= 0 else section.low
    share = min(abs(value / end), 1.0) if end else 0.0
    return f"rgb(var(--{'up' if value >= 0 else 'down'}) / {0.5 * share:.2f})"
