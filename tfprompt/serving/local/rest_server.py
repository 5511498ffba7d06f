"""Runs the REST application on a socket, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from typing import Any

import uvicorn

from tfprompt.errors import ConfigError, UnavailableError

_KEEP_ALIVE_S = 75
_MAX_CONNECTIONS, _BACKLOG = 1024, 512


class RestServer:
    """The REST side of a server.

    Args:
        app: an ASGI application.
        host: name or address to listen on.
        port: 0 takes a free one.

    Raises:
        ConfigError: the address cannot be bound.
    """

    def __init__(self, app: Any, host: str, port: int) -> None:
        try:
            self._socket = _listen(host, port)
        except OSError as error:
            raise ConfigError(
                f"REST cannot listen on {host}:{port}: {error.strerror or error}. Choose another "
                "port; 0 takes a free one."
            ) from error
        self.port = int(self._socket.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                limit_concurrency=_MAX_CONNECTIONS,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="rest", daemon=True
        )

    def start(self, timeout_s: float = 10.0) -> None:
        """Starts to answer; returns when it does.

        Raises:
            UnavailableError: it did not start in time.
        """
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(timeout_s / 0.01)):
            if self._server.started:
                return
            waited.wait(0.01)
        raise UnavailableError(f"The REST server did not start within {timeout_s:g} s.")

    def stop(self, grace_s: float) -> None:
        """Refuses new connections and waits for requests that run, `grace_s` at most."""
        # A fraction less, since the thread itself is waited for below.
        self._server.config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(grace_s + 2.0)
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # With the protocol named, asyncio turns Nagle's algorithm off; else an answer in two packets
    # waits 40 ms for the first one's acknowledgement.
    listening = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
