"""What a server counts, for Prometheus."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from tfprompt.errors import ServingError

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_STATES = ("LOADING", "AVAILABLE", "UNLOADING", "END")


class Metrics:
    """Counters of one server, in a registry of their own.

    Args:
        model: its name, a label of each figure.
        in_flight: how many requests run now.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, model: str, in_flight: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._model = model
        self._requests = Counter(
            "tfprompt_serving_requests",
            "Requests by protocol, method and gRPC status.",
            ["model", "protocol", "method", "code"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "tfprompt_serving_latency_seconds",
            "From the whole request to the whole answer, waiting for a batch included.",
            ["model", "protocol", "method"],
            buckets=_LATENCY_S,
            registry=self.registry,
        )
        self._rows = Histogram(
            "tfprompt_serving_batch_rows",
            "Rows of each run of the model.",
            ["model"],
            buckets=_ROWS,
            registry=self.registry,
        )
        self._versions = Gauge(
            "tfprompt_serving_version_state",
            "1 for the state that a version is in.",
            ["model", "version", "state"],
            registry=self.registry,
        )
        running = Gauge(
            "tfprompt_serving_in_flight", "Requests that run now.", registry=self.registry
        )
        running.set_function(in_flight)

    @contextlib.contextmanager
    def request(self, protocol: str, method: str) -> Iterator[None]:
        """Times the block and counts it under the code that it ends with."""
        began, code = time.perf_counter(), "OK"
        try:
            yield
        except BaseException as error:
            code = error.code if isinstance(error, ServingError) else "INTERNAL"
            raise
        finally:
            self._requests.labels(self._model, protocol, method, code).inc()
            self._latency.labels(self._model, protocol, method).observe(time.perf_counter() - began)

    def batch(self, rows: int) -> None:
        """Notes a run of the model on so many rows."""
        self._rows.labels(self._model).observe(rows)

    def versions(self, states: dict[int, str]) -> None:
        """Sets the state of each version."""
        self._versions.clear()
        for version, now in states.items():
            for state in _STATES:
                self._versions.labels(self._model, str(version), state).set(state == now)

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
