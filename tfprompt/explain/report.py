"""Numbers to be shown: bars, grids and lists, and the page, picture or text that holds them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfprompt._files import atomic_write
from tfprompt.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Bar:
    """One labelled number: `group` says where it belongs, `detail` what it is made of."""

    label: str
    value: float
    group: str = ""
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Bars:
    """Numbers drawn from a common zero; `signed` ones show a plus."""

    title: str
    rows: tuple[Bar, ...]
    note: str = ""
    signed: bool = True

    def strongest(self, count: int) -> tuple[Bar, ...]:
        """The `count` rows that are farthest from zero, in their own order."""
        order = np.argsort([-abs(row.value) for row in self.rows], kind="stable")[:count]
        return tuple(self.rows[place] for place in sorted(order))


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """A table of numbers `[rows, columns]`; `low` and `high` are the ends of its colours."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    low: float = 0.0
    high: float = 1.0
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Listing:
    """Lines of text with a label each."""

    title: str
    rows: tuple[tuple[str, str], ...]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Heading:
    """Where another report begins."""

    title: str
    lines: tuple[str, ...] = ()


Section = Bars | Grid | Listing | Heading


@dataclasses.dataclass(frozen=True)
class Report:
    """What is shown together.

    Args:
        title: what it is about.
        lines: said first, a sentence each.
        sections: bars, grids and lists.

    Raises:
        ConfigError: from `write`, a file name that is neither `.html` nor `.png`.

    Example:
        >>> bars = Bars("Shares", (Bar("Alien", 0.25), Bar("Heat", -0.5)))
        >>> print(Report("Why", ("One item.",), (bars,)).to_text())
        Why
        One item.
        <BLANKLINE>
        Shares
          Alien  +0.2500  ==========
          Heat   -0.5000  --------------------
    """

    title: str
    lines: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    @classmethod
    def join(cls, reports: Sequence[Report], title: str) -> Report:
        """Several reports as one, each under a heading; a single one stays as it is.

        Args:
            reports: one at least.
            title: of the whole.
        """
        if len(reports) == 1:
            return reports[0]
        sections = [
            section
            for report in reports
            for section in (Heading(report.title, report.lines), *report.sections)
        ]
        return cls(title, (), tuple(sections))

    def to_text(self) -> str:
        """Plain text for a terminal; of many bars the strongest."""
        from tfprompt.explain._text import render

        return render(self)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Writes one page that needs nothing else: no script, no font, no network."""
        from tfprompt.explain._html import render

        with atomic_write(path) as temporary:
            temporary.write_text(render(self), encoding="utf-8")
        return Path(path)

    def to_png(self, path: str | os.PathLike[str]) -> Path:
        """Draws one picture; of many bars the strongest."""
        from tfprompt.explain._png import draw

        with atomic_write(path) as temporary:
            draw(self, temporary)
        return Path(path)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Writes a page or a picture, by the ending of the file's name."""
        ending = check_ending(path)
        return self.to_html(path) if ending == ".html" else self.to_png(path)


def check_ending(path: str | os.PathLike[str]) -> str:
    """The ending of a report's file name, before anything is computed.

    Raises:
        ConfigError: neither `.html` nor `.png`.
    """
    ending = Path(path).suffix.lower()
    if ending not in (".html", ".png"):
        raise ConfigError(f"A report is written to a .html or .png file. Received: {path}.")
    return ending


class Shown:
    """A base of answers that can be shown as a report."""

    def report(self) -> Report:
        """The answer as a report."""
        raise NotImplementedError

    def to_text(self) -> str:
        """See `Report.to_text`."""
        return self.report().to_text()

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """See `Report.to_html`."""
        return self.report().to_html(path)

    def to_png(self, path: str | os.PathLike[str]) -> Path:
        """See `Report.to_png`."""
        return self.report().to_png(path)

    def __str__(self) -> str:
        return self.to_text()
