"""How much one server takes on: sizes of requests, and how many at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator

from tfprompt.errors import ConfigError, UnavailableError


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds of a server; a request past one is refused and never tried.

    Args:
        max_message_bytes: of a gRPC message or an HTTP body.
        max_batch_rows: requests in one message, the first dimension of its inputs.
        max_elements: values of one input tensor. A few bytes of protocol buffer can claim
            billions, since a tensor's last value is repeated.
        max_in_flight: requests that are computed or wait at a time.

    Raises:
        ConfigError: a bound below 1.
    """

    max_message_bytes: int = 16 * 1024 * 1024
    max_batch_rows: int = 1024
    max_elements: int = 4_000_000
    max_in_flight: int = 64

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value < 1:
                raise ConfigError(f"{name} is 1 or more. Received: {value}.")


class InFlight:
    """Counts requests, and refuses the one too many and all that come after the end.

    Args:
        limit: at most so many at a time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self.closed = False
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Holds a place while the block runs.

        Raises:
            UnavailableError: no place is free (RESOURCE_EXHAUSTED), or the server is stopping
                (UNAVAILABLE).
        """
        with self._changed:
            if self.closed:
                raise UnavailableError("The server is stopping and takes no new requests.")
            if self.count >= self.limit:
                raise UnavailableError(
                    f"At most {self.limit} requests run at a time. Try again, or raise "
                    "--max-in-flight.",
                    "RESOURCE_EXHAUSTED",
                )
            self.count += 1
        try:
            yield
        finally:
            with self._changed:
                self.count -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Refuses new requests; those that run go on."""
        with self._changed:
            self.closed = True

    def wait(self, timeout_s: float) -> bool:
        """Waits until no request runs; whether that came within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self.count == 0, timeout_s)
