"""A local server of TensorFlow Serving's protocol, for development."""

from __future__ import annotations

import dataclasses
import ipaddress
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tfprompt._extras import need
from tfprompt.errors import ConfigError, ExportError
from tfprompt.serving.limits import Limits
from tfprompt.serving.local.base_directory import check_base, list_versions
from tfprompt.serving.local.batching import Batcher
from tfprompt.serving.local.servable import Servable
from tfprompt.serving.local.versions import VersionManager
from tfprompt.serving.local.warmup import warm_up

_LOG = logging.getLogger(__name__)
_LAST_ANSWERS_S = 1.0


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """Settings of a local server.

    Args:
        name: of the model; by default that of its base directory.
        host: address to listen on, the loopback interface by default.
        grpc_port: 0 takes a free one.
        rest_port: 0 takes a free one.
        poll_seconds: time between looks at the base directory.
        max_batch_size: rows that requests are merged to; 0 runs each request alone.
        batch_timeout_ms: how long a request waits for others.
        keep: how many of the highest versions are served.
        labels: label → version.
        limits: bounds of requests.
        pages: directory of static files to serve at `/` over REST, None for none.

    Raises:
        ConfigError: a setting that cannot be.
    """

    name: str = ""
    host: str = "127.0.0.1"
    grpc_port: int = 8500
    rest_port: int = 8501
    poll_seconds: float = 2.0
    max_batch_size: int = 0
    batch_timeout_ms: float = 2.0
    keep: int = 1
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    limits: Limits = Limits()
    pages: Path | None = None

    def __post_init__(self) -> None:
        for setting, port in (("grpc_port", self.grpc_port), ("rest_port", self.rest_port)):
            if not 0 <= port <= 65535:
                raise ConfigError(f"{setting} is from 0 to 65535. Received: {port}.")
        if self.grpc_port == self.rest_port != 0:
            raise ConfigError(f"gRPC and REST need ports of their own. Received: {self.rest_port}.")
        if self.poll_seconds <= 0 or self.batch_timeout_ms < 0:
            raise ConfigError(
                "poll_seconds is above 0 and batch_timeout_ms not below. Received: "
                f"{self.poll_seconds}, {self.batch_timeout_ms}."
            )
        if self.keep < 1 or self.max_batch_size < 0:
            raise ConfigError(
                "keep is 1 or more and max_batch_size 0 or more. Received: "
                f"{self.keep}, {self.max_batch_size}."
            )
        if self.pages is not None and not (self.pages / "index.html").is_file():
            raise ConfigError(
                f"pages is a directory with an index.html. Received: {self.pages}. Write one with "
                "`tfprompt demo-page`."
            )
        if "/" in self.name or ":" in self.name:
            raise ConfigError(f'A model\'s name has no "/" and no ":". Received: {self.name!r}.')


class LocalServer:
    """Serves the versions in a base directory over gRPC and REST; not TensorFlow Serving itself.

    It speaks the same protocol, so that a client is developed against it and then pointed at the
    real server. One process, Python in front of TensorFlow: slower, without GPU sharing, TLS or
    authentication. Do not expose it to a network.

    Args:
        base: holds one directory a version, as `models/demo/1`.
        config: settings.

    Raises:
        ExportError: `base` holds no versions by its form.
        ConfigError: an address cannot be bound.

    Example:
        with LocalServer("models/demo", ServerConfig(grpc_port=0, rest_port=0)) as server:
            print(server.grpc_port, server.rest_port)
    """

    def __init__(self, base: str | Path, config: ServerConfig | None = None) -> None:
        need("serving", "grpc", "grpc_health", "starlette", "anyio", "uvicorn", "prometheus_client")
        from tfprompt.serving.local.core import ServingCore

        self.config = config or ServerConfig()
        self.base = Path(base)
        check_base(self.base)
        self.name = self.config.name or self.base.resolve().name
        self._changed = threading.Event()
        self._versions = VersionManager(
            self.name,
            self.base,
            self._load,
            keep=self.config.keep,
            labels=self.config.labels,
            on_change=self._note,
        )
        size = self.config.max_batch_size
        batcher = Batcher(size, self.config.batch_timeout_ms / 1000, self._batch) if size else None
        self.core = ServingCore(self._versions, self.config.limits, batcher)
        self._listen()

    def _listen(self) -> None:
        from tfprompt.serving.local.grpc_server import GrpcServer
        from tfprompt.serving.local.rest_app import create_app
        from tfprompt.serving.local.rest_server import RestServer

        host = self.config.host
        app = create_app(self.core, pages=self.config.pages, any_host=not is_loopback(host))
        shown = f"[{host}]" if ":" in host else host
        self._grpc = GrpcServer(self.core, f"{shown}:{self.config.grpc_port}")
        self._rest = RestServer(app, host, self.config.rest_port)
        self.grpc_port, self.rest_port = self._grpc.port, self._rest.port

    def start(self, *, wait: bool = False) -> None:
        """Listens, loads the highest version, and then watches for others.

        Args:
            wait: a base directory without a version is fine, one may come later.

        Raises:
            ExportError: no version is there, or none loads.
        """
        self._grpc.start()
        self._rest.start()
        self._versions.poll()
        if not self._versions.available() and not wait:
            self.stop(grace_s=0.0)
            raise ExportError(self._nothing())
        self._versions.watch(self.config.poll_seconds)

    def poll(self) -> None:
        """Looks for versions now, without waiting for the next time."""
        self._versions.poll()

    def _nothing(self) -> str:
        failed = [status for status in self._versions.statuses() if status.state == "END"]
        if failed:
            return (
                f"No version in {self.base} loads. Received: version {failed[0].version}: "
                f"{failed[0].message}"
            )
        return (
            f"A model base directory holds versions named by whole numbers. Received: {self.base}, "
            f"with {len(list_versions(self.base))}. Write one with `tfprompt export RUN BASE/1`, "
            "or wait for one with --wait."
        )

    def _load(self, directory: Path, version: int) -> Servable:
        began = time.perf_counter()
        servable = Servable.load(directory, version)
        count = warm_up(servable, directory, self.config.limits)
        _LOG.debug(
            "loaded %s in %.1f s, %d warm-up requests",
            directory,
            time.perf_counter() - began,
            count,
        )
        return servable

    def _note(self) -> None:
        self.core.note_versions()
        self._grpc.ready(bool(self._versions.available()))

    def _batch(self, rows: int) -> None:
        self.core.metrics.batch(rows)

    def stop(self, grace_s: float = 10.0) -> bool:
        """Refuses new requests, waits for those that run, and closes the sockets.

        Args:
            grace_s: how long to wait.

        Returns:
            Whether every request was answered.
        """
        ends = time.monotonic() + grace_s
        self._grpc.ready(False)
        self.core.in_flight.close()
        done = self.core.in_flight.wait(grace_s)
        # Answers that were computed in time are still to be written.
        left_s = max(_LAST_ANSWERS_S if done else 0.0, ends - time.monotonic())
        self._grpc.stop(left_s)
        self._rest.stop(left_s)
        self._versions.stop()
        return done

    def __enter__(self) -> LocalServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
