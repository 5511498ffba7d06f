"""Tables of numbers as plain text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_WIDTH = 100


def described(settings: dict[str, Any]) -> str:
    """Settings in one line."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def blocks(columns: list[list[str]]) -> Iterator[str]:
    """Lays columns side by side, beginning again below where a line would grow too long."""
    widths = [max(map(len, column)) for column in columns]
    start = 1
    while start < len(columns):
        end, used = start, widths[0]
        while end < len(columns) and (end == start or used + 2 + widths[end] <= _WIDTH):
            used += 2 + widths[end]
            end += 1
        yield ""
        for row in range(len(columns[0])):
            cells = [columns[0][row].ljust(widths[0])]
            cells += [columns[c][row].ljust(widths[c]) for c in range(start, end)]
            yield "  ".join(cells).rstrip()
        start = end
