"""What commands write: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tfprompt

if TYPE_CHECKING:
    from rich.console import Console

# A table in a pipe or file is as wide as its content wants to be, up to this.
_PLAIN_WIDTH = 160


def console() -> Console:
    """A console on stdout."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PLAIN_WIDTH
    return Console(width=width, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """A line for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def emit_json(value: Any) -> None:
    """The one thing on stdout with `--json`; NaN is refused since JSON has none."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), flush=True)


def table(columns: list[str], rows: list[list[str]], numbers: tuple[str, ...] = ()) -> None:
    """Prints an aligned table; the columns named in `numbers` are right-aligned."""
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in numbers else "left")
    for row in rows:
        drawn.add_row(*(_plain(cell) for cell in row))
    console().print(drawn)


def _plain(text: str) -> Any:
    """Text as it is: a title such as "[REC]" is no markup."""
    from rich.text import Text

    return Text(text)


@contextlib.contextmanager
def working(text: str) -> Iterator[None]:
    """A spinner on a terminal while the block runs; the library's own notes go to stderr.

    Whatever a library prints goes to stderr too, so that stdout holds the result alone.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("tfprompt")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(sys.stderr), _spinner(text), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def _show_warning(message: Any, category: Any, filename: str, *_: Any, **__: Any) -> None:
    """Our own warnings as one line; those of other packages are about our code, not the user's."""
    if filename.startswith(os.path.dirname(tfprompt.__file__)):
        note(f"note: {message}")


@contextlib.contextmanager
def _spinner(text: str) -> Iterator[None]:
    """Runs until the block ends, or until a progress bar wants the terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text) as status:
        _running.append(status)
        try:
            yield
        finally:
            _running.remove(status)


_running: list[Any] = []


def stop_spinners() -> None:
    """Frees the terminal for a progress bar."""
    for status in _running:
        status.stop()
