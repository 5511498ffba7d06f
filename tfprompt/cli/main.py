"""`tfprompt`: the commands, and what becomes of their errors.

Nothing here imports TensorFlow, Keras or polars: help and usage errors come at once, and each
command imports what it needs when it runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

import tfprompt
from tfprompt import _environment
from tfprompt.cli import (
    data,
    demo_page,
    evaluate,
    export,
    failures,
    fit,
    inspect,
    lint_export,
    recommend,
    search,
    serve,
)

app = typer.Typer(
    name="tfprompt",
    help="Trained prompts on a frozen text encoder, for recommendation.",
    epilog="Example: tfprompt fit --data movielens-100k --output runs/ml",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"tfprompt {tfprompt.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")
    ] = False,
) -> None:
    """Trained prompts on a frozen text encoder, for recommendation."""


for module in (fit, search, evaluate, recommend, export, lint_export, serve, demo_page, inspect):
    name = module.__name__.rpartition(".")[2]
    command = failures.guarded(getattr(module, name))
    app.command(name.replace("_", "-"), epilog=module.EXAMPLE, no_args_is_help=True)(command)
app.add_typer(data.app, name="data")


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and ends the process with its exit status.

    0 done; 2 refused, with the reason in one line on stderr; 1 an unexpected error; 130 Ctrl-C;
    143 SIGTERM.

    Args:
        arguments: the words after `tfprompt`; those of the process by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not debug:
        _environment.quieten()
    before = None
    # Only the main thread may; a test or a notebook may call from another.
    with contextlib.suppress(ValueError):
        before = signal.signal(signal.SIGTERM, _terminate)
    try:
        status = _invoke(words)
    except (Exception, KeyboardInterrupt) as error:
        status = failures.explain(error, _command_of(words), debug)
        if isinstance(error, BrokenPipeError):
            # Python would complain about the closed pipe once more when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    raise SystemExit(status)


def _invoke(words: list[str]) -> int:
    try:
        status = typer.main.get_command(app).main(
            args=words, prog_name="tfprompt", standalone_mode=False
        )
    except typer.Abort as error:
        # Some versions of Typer turn Ctrl-C into this.
        raise KeyboardInterrupt from error
    return status if isinstance(status, int) else 0


def _terminate(number: int, frame: Any) -> None:
    raise failures.Terminated


def _command_of(words: list[str]) -> str:
    """The command as messages name it: "tfprompt fit"."""
    known = [word for word in words if not word.startswith("-")][:1]
    commands = {command.name for command in app.registered_commands} | {"data"}
    return " ".join(["tfprompt", *(word for word in known if word in commands)])


if __name__ == "__main__":
    run()
