"""Batches of training windows and of requests, as plain arrays.

Users are bucketed by length, so that a user with nine events does not pay for fifty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences
from tfprompt.errors import ConfigError

_BUCKETS = (8, 16, 32, 64, 128, 256, 512)


class _Windows(NamedTuple):
    """Every training window, each `[W]`: user, first input event, length, bucket, start or not."""

    row: np.ndarray
    begin: np.ndarray
    length: np.ndarray
    bucket: np.ndarray
    start: np.ndarray


def training_batches(
    sequences: Sequences,
    *,
    window: int = 50,
    batch_size: int = 64,
    seed: int = 0,
    epoch: int = 0,
    shift: bool = True,
) -> Iterator[dict[str, np.ndarray]]:
    """Yields one epoch of training windows.

    A user's events make pairs (event, next event). The pairs are cut into windows from the end;
    windows never overlap. A user with one event has no pair and so no window. Where the cuts
    fall is drawn anew each epoch, so that an event is not always seen at the same distance from
    the start of its window; their number stays the same. Cuts and order depend on
    `(seed, epoch)` alone.

    Args:
        sequences: the training part of a split.
        window: pairs in a window, at most.
        batch_size: windows in a batch (B), at most.
        seed: of the shuffle.
        epoch: each one is cut and shuffled differently.
        shift: False cuts full windows from the end, the same in every epoch.

    Yields:
        A dictionary; L is the bucket (8, 16, 32, 64, … or `window`) and real positions come first:

        - `history` int32 `[B, L]`: catalog index + 1 of the input event, 0 = padding;
        - `target` int32 `[B, L]`: catalog index + 1 of the next event, 0 = none;
        - `event` int64 `[B, L]`: place of the target in `sequences.items`, -1 = none;
        - `row` int32 `[B]`: the user's row in `sequences`;
        - `start` bool `[B]`: the window begins at the user's first event;
        - `first` int32 `[B]`: catalog index + 1 of that event, 0 where `start` is false.

    Raises:
        ConfigError: `window` or `batch_size` is below 1.

    Example:
        ```python
        for batch in training_batches(split.train, batch_size=64, epoch=3):
            print(batch["history"].shape)
        ```
    """
    random = np.random.default_rng([seed, epoch])
    windows = _windows(sequences, window, batch_size, random if shift else None)
    order = random.permutation(len(windows.row))
    batches = _bucketed(windows.bucket, order, window, batch_size)
    for at in random.permutation(len(batches)):
        rows, width = batches[at]
        begin, length, start = windows.begin[rows], windows.length[rows], windows.start[rows]
        steps = np.arange(width)
        real = steps < length[:, None]
        inputs = np.where(real, begin[:, None] + steps, 0)
        history = np.where(real, sequences.items[inputs] + 1, 0).astype(np.int32)
        # A pair's target is one event later, always of the same user: windows end before the last.
        event = np.where(real, inputs + 1, -1).astype(np.int64)
        yield {
            "history": history,
            "target": np.where(real, sequences.items[event] + 1, 0).astype(np.int32),
            "event": event,
            "row": windows.row[rows].astype(np.int32),
            "start": start,
            "first": np.where(start, history[:, 0], 0).astype(np.int32),
        }


def number_of_batches(sequences: Sequences, *, window: int = 50, batch_size: int = 64) -> int:
    """How many batches `training_batches` yields in an epoch."""
    windows = _windows(sequences, window, batch_size)
    return len(_bucketed(windows.bucket, np.arange(len(windows.row)), window, batch_size))


def request_batches(
    requests: Requests,
    *,
    window: int = 50,
    batch_size: int = 256,
    some: np.ndarray | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """Yields every request once, short histories first.

    Args:
        requests: what is to be answered.
        window: the newest events of a history that are kept.
        batch_size: requests in a batch (B), at most.
        some: int `[n]`, only these rows of the requests; None for all.

    Yields:
        `history` int32 `[B, L]`: catalog index + 1, oldest first, 0 = padding at the end;
        `row` int32 `[B]`: the request's row in `requests`.

    Raises:
        ConfigError: `window` or `batch_size` is below 1.
    """
    _check(window, batch_size)
    ends = requests.history_offsets[1:]
    lengths = np.minimum(np.diff(requests.history_offsets), window)
    # A flat array without any event could not be indexed at all; the zero is never read as real.
    flat = requests.histories if len(requests.histories) else np.zeros(1, np.int32)
    wanted = np.arange(len(requests)) if some is None else np.asarray(some)
    for rows, width in _bucketed(lengths, wanted, window, batch_size):
        steps = np.arange(width)
        length = lengths[rows][:, None]
        places = np.where(steps < length, ends[rows][:, None] - length + steps, 0)
        history = np.where(steps < length, flat[places] + 1, 0).astype(np.int32)
        yield {"history": history, "row": rows.astype(np.int32)}


def _check(window: int, batch_size: int) -> None:
    for name, value in (("window", window), ("batch_size", batch_size)):
        if value < 1:
            raise ConfigError(f"{name} must be at least 1. Received: {name}={value}.")


def _windows(
    sequences: Sequences,
    window: int,
    batch_size: int,
    random: np.random.Generator | None = None,
) -> _Windows:
    _check(window, batch_size)
    pairs = np.maximum(np.diff(sequences.offsets) - 1, 0)
    number = -(-pairs // window)
    # Of a user's windows the newest takes `newest` pairs, the oldest what is left. Any number from
    # the remainder to a full window leaves the number of windows as it is.
    remainder = pairs - np.maximum(number - 1, 0) * window
    newest = np.minimum(pairs, window)
    if random is not None:
        newest = np.where(number > 1, random.integers(remainder, window + 1), newest)
    row = np.repeat(np.arange(len(pairs)), number)
    # Place of each window counted from its user's last one: 0 is the newest.
    newer = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    first = sequences.offsets[:-1][row]
    taken = np.where(newer == 0, 0, newest[row] + (newer - 1) * window)
    end = first + pairs[row] - taken
    begin = np.maximum(end - np.where(newer == 0, newest[row], window), first)
    # By the user, not by the window: so each epoch has the same number of batches.
    bucket = np.minimum(pairs[row], window)
    return _Windows(row, begin, end - begin, bucket, begin == first)


def _bucketed(
    lengths: np.ndarray, order: np.ndarray, window: int, batch_size: int
) -> list[tuple[np.ndarray, int]]:
    """Batches of rows that share a width, each bucket in the given order."""
    widths = [width for width in _BUCKETS if width < window] + [window]
    bucket = np.searchsorted(widths, lengths[order])
    batches = []
    for place, width in enumerate(widths):
        rows = order[bucket == place]
        batches += [(rows[at : at + batch_size], width) for at in range(0, len(rows), batch_size)]
    return batches
