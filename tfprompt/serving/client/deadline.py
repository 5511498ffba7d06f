"""The time that a whole call may take."""

from __future__ import annotations

import time

from tfprompt.errors import ConfigError, DeadlineError


class Deadline:
    """Runs from its making.

    Args:
        timeout_s: how long.

    Raises:
        ConfigError: not above 0.
    """

    def __init__(self, timeout_s: float) -> None:
        if not timeout_s > 0:
            raise ConfigError(f"timeout_s is above 0. Received: {timeout_s}.")
        self.timeout_s = timeout_s
        self._ends = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Seconds that are left.

        Raises:
            DeadlineError: none.
        """
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise DeadlineError(
                f"No answer within {self.timeout_s:g} s, every attempt counted. Allow more by "
                "timeout_s, or look at the server's load."
            )
        return left_s

    def reaches(self, wait_s: float) -> bool:
        """Whether something is left after a wait."""
        return time.monotonic() + wait_s < self._ends
