"""When a request to a server is tried again."""

from __future__ import annotations

import dataclasses
import random

from tfprompt.errors import ConfigError, ServingError
from tfprompt.serving.client.deadline import Deadline

# Such an answer says that the same request may succeed a little later. Others are final.
_AGAIN = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
# gRPC uses the same code for a message that is too large, which it will be next time too.
_NEVER = "larger than max"


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often and after what waits a call is tried again.

    Waits are drawn between zero and a bound that doubles ("full jitter"), so that clients which
    failed together do not come back together.

    Args:
        attempts: how often a call is tried in all; 1 never tries again.
        first_wait_s: bound of the first wait.
        longest_wait_s: no wait is longer.

    Raises:
        ConfigError: no attempt, or negative waits.

    Reference:
        Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    attempts: int = 4
    first_wait_s: float = 0.05
    longest_wait_s: float = 2.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.first_wait_s <= self.longest_wait_s:
            raise ConfigError(
                "A call has 1 attempt or more, and 0 <= first_wait_s <= longest_wait_s. Received: "
                f"{self}."
            )

    def bound_s(self, attempt: int) -> float:
        """The longest wait after the attempt of that number, from 1."""
        return min(self.longest_wait_s, self.first_wait_s * 2.0 ** (attempt - 1))


class Attempts:
    """The attempts of one request to a server: whether another one is worth it.

    Args:
        policy: how often.
        deadline: of the whole call, waits included.
    """

    def __init__(self, policy: RetryPolicy, deadline: Deadline) -> None:
        self._policy, self._deadline = policy, deadline
        self._made = 0

    def begin(self) -> float:
        """Notes an attempt, and gives the seconds that it may take.

        Raises:
            DeadlineError: nothing is left.
        """
        self._made += 1
        return self._deadline.left_s()

    def wait_s(self, error: ServingError) -> float:
        """How long to wait before the next attempt.

        Raises:
            ServingError: `error` itself, where there is none: it is final, it was the last
                attempt, or the time will not do.
        """
        final = error.code not in _AGAIN or _NEVER in str(error)
        if final or self._made >= self._policy.attempts:
            raise error
        wait_s = random.uniform(0.0, self._policy.bound_s(self._made))
        if not self._deadline.reaches(wait_s):
            raise error
        return wait_s
