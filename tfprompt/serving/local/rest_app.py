"""TensorFlow Serving's REST API as an ASGI application, with health and metrics beside it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tfprompt.errors import DeadlineError, ServingError
from tfprompt.serving import codes
from tfprompt.serving.local import json_inputs
from tfprompt.serving.local.core import ServingCore
from tfprompt.serving.local.json_outputs import write_outputs
from tfprompt.serving.local.rest_paths import read_path
from tfprompt.serving.local.static_files import PageFiles, WithHeaders
from tfprompt.serving.target import Target

_LOG = logging.getLogger(__name__)
_JSON = "application/json"
# A client that sends its body a byte at a time holds a connection no longer than this.
_BODY_TIMEOUT_S = 30.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def create_app(core: ServingCore, *, pages: Path | None = None, any_host: bool = False) -> Any:
    """The application.

    Args:
        core: answers the requests.
        pages: a directory of static files to serve at `/`, with `index.html` as the start. A page
            there calls the API of its own origin.
        any_host: answers whatever name the server is called by. Otherwise only the names of the
            loopback interface, so that no web page can reach it by a name of its own.

    Returns:
        A Starlette application.
    """
    threads = anyio.CapacityLimiter(core.limits.max_in_flight + 8)

    async def api(request: Request) -> Response:
        try:
            path = request.scope.get("raw_path", b"").decode("ascii", "replace").partition("?")[0]
            target, asked = read_path(request.method, path)
            if asked != "predict":
                answer: Callable[..., bytes] = _status if asked == "status" else _metadata
                return await _threaded(threads, answer, core, target)
            body = await _body(request, core.limits.max_message_bytes)
            return await _threaded(threads, _predict, core, target, body)
        except ServingError as error:
            return _failure(codes.http_status(error.code), str(error))

    async def metrics(request: Request) -> Response:
        core.note_versions()
        return Response(core.metrics.page(), media_type=core.metrics.content_type)

    async def healthy(request: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def ready(request: Request) -> Response:
        if core.versions.available() and not core.in_flight.closed:
            return Response("ready\n", media_type="text/plain")
        return Response("no version is served\n", 503, media_type="text/plain")

    routes: list[Any] = [
        Route("/v1/{rest:path}", api, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        Route("/metrics", metrics),
        Route("/healthz", healthy),
        Route("/readyz", ready),
    ]
    if pages is not None:
        routes.append(Mount("/", PageFiles(pages)))
    app: Any = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_failure, Exception: _unexpected},
    )
    if pages is not None:
        app = WithHeaders(app)
    return app if any_host else _LoopbackOnly(app)


class _LoopbackOnly:
    """Refuses requests that call the server by a name other than those of this machine."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(
        self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if scope["type"] == "http" and _host(scope) not in _LOOPBACK:
            response = _failure(
                403, "This server answers at localhost only. Start it with --host to change that."
            )
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _host(scope: Any) -> str:
    found = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    if found.startswith("["):
        return found[1:].partition("]")[0]
    return found.partition(":")[0].lower()


async def _threaded(threads: Any, function: Callable[..., bytes], *values: Any) -> Response:
    content = await anyio.to_thread.run_sync(function, *values, limiter=threads)
    return Response(content, media_type=_JSON)


async def _body(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise HTTPException(413, f"A body has at most {limit} bytes.")
                parts.append(part)
    except TimeoutError:
        raise DeadlineError(f"The body did not come within {_BODY_TIMEOUT_S:g} s.") from None
    except ClientDisconnect:
        raise ServingError("The client went away.", "CANCELLED") from None
    return b"".join(parts)


def _predict(core: ServingCore, target: Target, body: bytes) -> bytes:
    document = json_inputs.parse_body(body)
    kind = json_inputs.request_format(document)
    answer = core.predict(
        "rest",
        target,
        json_inputs.signature_name(document),
        lambda signature: json_inputs.read_inputs(document, signature),
    )
    return write_outputs(answer.outputs, kind)


def _status(core: ServingCore, target: Target) -> bytes:
    with core.metrics.request("rest", "status"):
        known = [
            {
                "version": str(status.version),
                "state": status.state,
                "status": {"error_code": status.code, "error_message": status.message},
            }
            for status in core.status(target)
        ]
    return json.dumps({"model_version_status": known}, indent=1).encode()


def _metadata(core: ServingCore, target: Target) -> bytes:
    with core.metrics.request("rest", "metadata"):
        core.check_name(target)
        with core.versions.acquire(target.version, target.label) as servable:
            spec = {"name": target.name, "signature_name": "", "version": str(servable.version)}
            metadata = {"signature_def": servable.metadata}
    return json.dumps({"model_spec": spec, "metadata": metadata}, indent=1).encode()


def _failure(status: int, message: str) -> Response:
    return Response(json.dumps({"error": message}), status, media_type=_JSON)


async def _http_failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _failure(error.status_code, error.detail)


async def _unexpected(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _failure(500, "An unexpected error; the server's log has it.")
