"""Runs requests that come at about the same time as one batch."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.serving.local.padding import merge, rows_of, split
from tfprompt.serving.local.servable import Servable

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass
class _Waiting:
    """A batch that takes more requests until it is full or its time has come."""

    requests: list[tuple[Arrays, int, Future[dict[str, np.ndarray]]]]
    rows: int
    full: threading.Event


class Batcher:
    """Merges requests of one version and signature.

    The thread of a batch's first request waits and runs it; the others wait for their part. A
    batch that fails is run again request by request, so that only who asked for it gets an error.

    Args:
        max_batch_size: rows of a batch; a request with as many or more runs alone at once.
        timeout_s: how long the first request waits for company.
        on_batch: told the number of rows of each run.

    Raises:
        ConfigError: a size below 1, a negative time.
    """

    def __init__(
        self,
        max_batch_size: int,
        timeout_s: float,
        on_batch: Callable[[int], None] = lambda rows: None,
    ) -> None:
        if max_batch_size < 1 or timeout_s < 0:
            raise ConfigError(
                "A batch has 1 row or more and waits 0 seconds or more. Received: "
                f"max_batch_size={max_batch_size}, timeout_s={timeout_s}."
            )
        self.max_batch_size = max_batch_size
        self.timeout_s = timeout_s
        self._on_batch = on_batch
        self._lock = threading.Lock()
        self._open: dict[tuple[int, str, tuple[str, ...]], _Waiting] = {}

    def run(self, servable: Servable, signature: str, inputs: Arrays) -> dict[str, np.ndarray]:
        """Outputs of `inputs`, computed in a batch or alone.

        Raises:
            ServingError: as `Servable.run`, or the outputs cannot be taken apart.
        """
        rows = rows_of(inputs)
        if rows is None or rows >= self.max_batch_size:
            self._on_batch(rows or 1)
            return servable.run(signature, inputs)
        mine: Future[dict[str, np.ndarray]] = Future()
        # Inputs that the model can fill make requests of different kinds.
        key = (id(servable), signature, tuple(sorted(inputs)))
        with self._lock:
            waiting = self._open.get(key)
            leads = waiting is None or waiting.rows + rows > self.max_batch_size
            if leads:
                if waiting is not None:
                    waiting.full.set()
                waiting = self._open[key] = _Waiting([], 0, threading.Event())
            assert waiting is not None
            waiting.requests.append((inputs, rows, mine))
            waiting.rows += rows
            if waiting.rows == self.max_batch_size:
                waiting.full.set()
        if leads:
            waiting.full.wait(self.timeout_s)
            with self._lock:
                if self._open.get(key) is waiting:
                    del self._open[key]
            self._run(servable, signature, waiting)
        return mine.result()

    def _run(self, servable: Servable, signature: str, batch: _Waiting) -> None:
        self._on_batch(batch.rows)
        try:
            outputs = servable.run(signature, merge([inputs for inputs, _, _ in batch.requests]))
            parts = split(outputs, [rows for _, rows, _ in batch.requests])
        except Exception as error:  # noqa: BLE001 - each waiting thread raises its own
            if len(batch.requests) == 1:
                batch.requests[0][2].set_exception(error)
                return
            for request in batch.requests:
                alone = _Waiting([request], request[1], batch.full)
                self._run(servable, signature, alone)
            return
        for (_, _, future), part in zip(batch.requests, parts, strict=True):
            future.set_result(part)
