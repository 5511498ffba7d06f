"""Static files of a page, which a browser may trust with nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

# Written down here, since what the machine's own table says differs from one to the next, and a
# browser runs no module of another type.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class PageFiles(StaticFiles):
    """The files of a directory, without hidden ones, `index.html` at its root.

    Links that lead out of the directory are not followed.

    Args:
        directory: of the files.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True)

    async def get_response(self, path: str, scope: Any) -> Response:
        """The file of a path, or a 404."""
        if any(part.startswith(".") for part in Path(path).parts):
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(self, full_path: Any, *args: Any, **options: Any) -> Response:
        """The answer that holds a file, with its type."""
        response = super().file_response(full_path, *args, **options)
        if (kind := _TYPES.get(Path(full_path).suffix)) is not None:
            response.headers["Content-Type"] = kind
        # A page that was written again is asked for again.
        response.headers["Cache-Control"] = "no-cache"
        return response


class WithHeaders:
    """Adds `HEADERS` to every answer of an application, errors too.

    Args:
        app: an ASGI application.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(
        self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Answers one request."""

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, sending)
