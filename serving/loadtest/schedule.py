"""When requests are sent: decided beforehand, whatever the server does."""

from __future__ import annotations

import numpy as np

from tfprompt.errors import ConfigError

MAX_REQUESTS = 1_000_000
MAX_SECONDS = 3600.0
SPACINGS = ("poisson", "fixed")


def arrivals(
    rate: float,
    *,
    seconds: float | None = None,
    count: int | None = None,
    spacing: str = "poisson",
    seed: int = 0,
) -> np.ndarray:
    """Seconds from the start at which requests are due, increasing, float64 `[n]`.

    Args:
        rate: requests a second, on average.
        seconds: length of the run; give this or `count`.
        count: exact number of requests.
        spacing: `"poisson"` for independent callers, `"fixed"` for equal gaps.
        seed: of the gaps, for `"poisson"`.

    Raises:
        ConfigError: nothing or too much would be sent.

    Example:
        >>> arrivals(4, seconds=1, spacing="fixed").tolist()
        [0.0, 0.25, 0.5, 0.75]
    """
    if spacing not in SPACINGS:
        raise ConfigError(f"Arrivals are one of {', '.join(SPACINGS)}. Received: {spacing!r}.")
    if not rate > 0:
        raise ConfigError(f"A rate is above 0 requests a second. Received: {rate}.")
    if (seconds is None) == (count is None):
        raise ConfigError(
            f"A run has a length or a count, one of both. Received: {seconds=}, {count=}."
        )
    planned = count if count is not None else rate * (seconds or 0.0)
    length_s = seconds if seconds is not None else planned / rate
    if not 1 <= planned <= MAX_REQUESTS or length_s > MAX_SECONDS:
        raise ConfigError(
            f"A step sends 1 to {MAX_REQUESTS:,} requests in at most {MAX_SECONDS:.0f} seconds. "
            f"Received: {planned:,.1f} requests in {length_s:,.1f} seconds. Change the rate or "
            "the length."
        )
    if spacing == "fixed":
        # Rounded up, with room for the error of `rate * seconds`.
        return np.arange(int(np.ceil(planned - 1e-9))) / rate
    rng = np.random.default_rng(seed)
    if count is not None:
        return np.cumsum(rng.exponential(1 / rate, count))
    # Six standard deviations more than are expected, so that the last one is past the end.
    drawn = np.cumsum(rng.exponential(1 / rate, int(planned + 6 * planned**0.5 + 10)))
    return drawn[drawn < length_s]
