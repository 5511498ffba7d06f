"""How a failure looks on a terminal: one line, and an exit status that a script can test."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tfprompt.errors import TemplateError, TfpromptError

REFUSED, UNEXPECTED, INTERRUPTED, TERMINATED, PIPE_CLOSED = 2, 1, 130, 143, 141


class Terminated(KeyboardInterrupt):
    """SIGTERM, handled like Ctrl-C but for the exit status."""


class Stopped(Exception):
    """An interrupted command that knows what is kept.

    Args:
        message: what is kept, and how to go on.
        status: exit status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose interruption is told by us; Typer would end it with 130 and no word."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except KeyboardInterrupt as error:
            raise Stopped("interrupted", status_of(error)) from error

    return call


def status_of(error: BaseException) -> int:
    """The exit status of an interrupt."""
    return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


def explain(error: BaseException, command: str, debug: bool) -> int:
    """Writes one line about `error` to stderr, with a traceback only where asked for.

    Args:
        error: what the command raised.
        command: as "tfprompt fit", for usage errors.
        debug: shows the traceback.

    Returns:
        The exit status.
    """
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    line, status = _line(error, command)
    if line:
        print(line, file=sys.stderr, flush=True)
    return status


def _line(error: BaseException, command: str) -> tuple[str, int]:
    if isinstance(error, Stopped):
        return f"{command}: {_one_line(str(error))}", error.status
    if isinstance(error, KeyboardInterrupt):
        return f"{command}: interrupted", status_of(error)
    if isinstance(error, BrokenPipeError):  # `tfprompt ... | head`
        return "", PIPE_CLOSED
    if isinstance(error, TfpromptError):
        return f"{command}: {_message(error)}", REFUSED
    # Typer carries its own copy of click or imports it, by version; its usage errors are known by
    # what they can do.
    if hasattr(error, "format_message"):
        return (
            f"{command}: {_one_line(error.format_message()).rstrip('.')}. See `{command} --help`.",
            getattr(error, "exit_code", REFUSED),
        )
    kind = type(error).__name__
    return (
        f"{command}: unexpected {kind}: {_one_line(str(error)) or 'no message'} "
        "(run again with --debug for the traceback)",
        UNEXPECTED,
    )


def _message(error: TfpromptError) -> str:
    if isinstance(error, TemplateError):
        # The library draws a pointer below the template; in one line the place is named.
        near = error.template[error.position : error.position + 24]
        first = str(error).splitlines()[0]
        return _one_line(f"{first} At character {error.position + 1} of the template: {near!r}.")
    return _one_line(str(error))


def _one_line(text: str) -> str:
    return " ".join(text.split())
