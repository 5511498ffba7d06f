"""`tfprompt serve`: a local server of TensorFlow Serving's protocol."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tfprompt.cli import failures, options, output
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.serving.local.server import LocalServer

EXAMPLE = "Example: tfprompt serve models/ml --rest-port 8501"


def serve(
    base: Annotated[
        Path, typer.Argument(help="Model base directory: one directory a version, as BASE/1.")
    ],
    name: Annotated[
        str, typer.Option(help="Name of the model; by default that of the directory.")
    ] = "",
    host: Annotated[
        str, typer.Option(help="Address to listen on. There is no TLS and no authentication.")
    ] = "127.0.0.1",
    grpc_port: Annotated[int, typer.Option(help="Port of gRPC; 0 takes a free one.")] = 8500,
    rest_port: Annotated[int, typer.Option(help="Port of REST; 0 takes a free one.")] = 8501,
    poll_seconds: Annotated[
        float, typer.Option(help="Time between looks for a new version.")
    ] = 2.0,
    max_batch_size: Annotated[
        int, typer.Option(help="Rows that requests are merged to; 0 runs each alone.")
    ] = 0,
    batch_timeout_ms: Annotated[
        float, typer.Option(help="How long a request waits for others.")
    ] = 2.0,
    keep: Annotated[int, typer.Option(help="How many of the highest versions to serve.")] = 1,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VERSION", help="A label for a version: canary=2."),
    ] = None,
    max_in_flight: Annotated[
        int, typer.Option(help="Requests at a time; one more gets RESOURCE_EXHAUSTED or 429.")
    ] = 64,
    max_message_mb: Annotated[int, typer.Option(help="Size of a request, in MiB.")] = 16,
    max_batch_rows: Annotated[int, typer.Option(help="Rows of one request.")] = 1024,
    grace_seconds: Annotated[
        float, typer.Option(help="How long requests may go on after SIGTERM or Ctrl-C.")
    ] = 10.0,
    page: Annotated[
        Path | None,
        typer.Option(help="Directory of static files to show at /, as `tfprompt demo-page`'s."),
    ] = None,
    demo_page: Annotated[
        bool, typer.Option("--demo-page", help="Make a demo page of the model and show it at /.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Start without a version and wait for one.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Serve exported models locally over TensorFlow Serving's protocol, for development.

    This is not TensorFlow Serving: it speaks the same gRPC and REST so that clients can be written
    and tested on this machine. Deploy the model on TensorFlow Serving itself.
    """
    from tfprompt import _environment
    from tfprompt.serving.limits import Limits
    from tfprompt.serving.local.server import LocalServer, ServerConfig

    if page is not None and demo_page:
        raise ConfigError("--page shows a page that is there, --demo-page makes one. Give one.")
    config = ServerConfig(
        name=name,
        host=host,
        grpc_port=grpc_port,
        rest_port=rest_port,
        poll_seconds=poll_seconds,
        max_batch_size=max_batch_size,
        batch_timeout_ms=batch_timeout_ms,
        keep=keep,
        labels=_labels(label),
        limits=Limits(
            max_message_bytes=max_message_mb * 1024 * 1024,
            max_batch_rows=max_batch_rows,
            max_in_flight=max_in_flight,
        ),
        pages=page,
    )
    with contextlib.ExitStack() as temporary:
        with output.working("Loading"):
            _environment.load_tensorflow()
            if demo_page:
                config = dataclasses.replace(config, pages=_made_page(base, name, temporary))
            server = LocalServer(base, config)
            server.start(wait=wait)
        _run(server, grace_seconds, temporary, json)


def _made_page(base: Path, name: str, temporary: contextlib.ExitStack) -> Path:
    """A demo page that is there until the server ends."""
    from tfprompt.serving.local.demo_page import write_demo_page

    folder = temporary.enter_context(tempfile.TemporaryDirectory(prefix="tfprompt-page-"))
    return write_demo_page(base, Path(folder) / "page", name=name)


def _run(
    server: LocalServer, grace_seconds: float, temporary: contextlib.ExitStack, json: bool
) -> None:
    """Tells where the server is, and waits for its end."""
    from tfprompt.serving.local.server import is_loopback

    host = server.config.host
    ended = _signalled()
    versions = server.core.versions.available()
    if json:
        output.emit_json(
            {
                "name": server.name,
                "host": host,
                "grpc_port": server.grpc_port,
                "rest_port": server.rest_port,
                "versions": versions,
            }
        )
    shown = f"version {versions[-1]}" if versions else "no version yet"
    warned = "" if is_loopback(host) else " Whoever reaches this address can ask: no TLS, no login."
    shows_page = server.config.pages is not None
    page = f" Page: http://{host}:{server.rest_port}/." if shows_page else ""
    output.note(
        f"{server.name} ({shown}): gRPC {host}:{server.grpc_port}, "
        f"REST http://{host}:{server.rest_port}/v1/models/{server.name}.{page} For development; "
        f"Ctrl-C stops it.{warned}"
    )
    ended.wait()
    if not server.stop(grace_seconds):
        output.note(f"requests were still running after {grace_seconds:g} s and were cut off")
        temporary.close()
        _leave(failures.UNEXPECTED)


def _signalled() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM, which drains the server; the second ends the process."""
    ended = threading.Event()

    def end(number: int, frame: object) -> None:
        if ended.is_set():
            _leave(128 + number)
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return ended


def _leave(status: int) -> NoReturn:
    # An exit would wait for the threads of requests, and those for TensorFlow.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _labels(given: list[str] | None) -> dict[str, int]:
    labels = options.pairs(given, "--label")
    for label, version in labels.items():
        if not version.isdecimal():
            raise ConfigError(
                f"--label names a version by its number. Received: {label}={version}."
            )
    return {label: int(version) for label, version in labels.items()}
