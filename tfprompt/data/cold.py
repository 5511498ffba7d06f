"""Cuts that leave items or users for evaluation which training never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfprompt.data import _parts
from tfprompt.data._parts import between
from tfprompt.data.split import Split
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset


def cold_items(dataset: Dataset, fraction: float = 0.1, seed: int = 0) -> Split:
    """Some items never occur in training or in a history, and are what is asked for.

    Of the items with events, `fraction` is drawn; half of them are for validation, half for test.
    A user's request asks for the last event with an item of that half, and has all earlier events
    with warm items as history. Training has the warm events before the user's first target,
    so that nothing later than a request is learned from its user.

    Args:
        dataset: the data.
        fraction: share of the items that are cold, between 0 and 1.
        seed: of the draw.

    Raises:
        ConfigError: `fraction` is not between 0 and 1.
        DataError: too few items, or no request is left.
    """
    _check_fraction(fraction)
    items = dataset.event_items
    drawn = np.random.default_rng(seed).permutation(np.unique(items))
    half = max(1, round(len(drawn) * fraction / 2))
    kind = np.zeros(len(dataset.items), dtype=np.int8)
    kind[drawn[:half]] = 1
    kind[drawn[half : 2 * half]] = 2
    kinds = kind[items]
    begin, end = dataset.event_offsets[:-1], dataset.event_offsets[1:]
    everything = between(begin, end)
    chosen = {}
    cut = end.copy()
    for which, code in (("validation", 1), ("test", 2)):
        places = np.flatnonzero(kinds == code)
        # Assignment keeps the last of several values: the user's last cold event.
        last = np.full(len(begin), -1)
        last[dataset.event_users[places]] = places
        warm = everything.where((kinds == 0) & (everything.flat < last[everything.rows]))
        users = np.flatnonzero((last >= 0) & (warm.counts > 0))
        cut[users] = np.minimum(cut[users], last[users])
        chosen[which] = (users, last, warm, int(np.sum(last >= 0)) - len(users))
    keep = (kinds == 0) & (np.arange(len(items)) < cut[dataset.event_users])
    train = _parts.sequences(dataset, keep)
    dropped = {"warm events after a user's first target": int(np.sum((kinds == 0) & ~keep))}
    parts = []
    for which, (users, last, warm, without) in chosen.items():
        dropped[f"users of {which} without a history"] = without
        protocol = (
            f"cold items: last event by {dataset.order} with one of {half:,} {which} items that "
            "training never saw"
        )
        targets = between(last[users], last[users] + 1)
        parts.append(_parts.requests(dataset, users, warm.of(users), targets, train, protocol))
    return Split(
        train, parts[0], parts[1], f"cold_items(fraction={fraction}, seed={seed})", dropped
    )


def cold_users(dataset: Dataset, fraction: float = 0.1, seed: int = 0) -> Split:
    """Some users never occur in training, and are who asks.

    Of the users with two events or more, `fraction` is drawn for test and as many again for
    validation. Their request asks for their last event, with all earlier ones as history. All
    other users are trained on whole.

    Args:
        dataset: the data.
        fraction: share of the users for test, between 0 and 0.5.
        seed: of the draw.

    Raises:
        ConfigError: `fraction` is not between 0 and 0.5.
        DataError: too few users.
    """
    _check_fraction(fraction, below=0.5)
    begin, end = dataset.event_offsets[:-1], dataset.event_offsets[1:]
    able = np.flatnonzero(end - begin >= 2)
    size = max(1, round(len(able) * fraction))
    drawn = np.random.default_rng(seed).permutation(able)
    groups = {"validation": np.sort(drawn[size : 2 * size]), "test": np.sort(drawn[:size])}
    cold = np.zeros(len(begin), dtype=bool)
    cold[drawn[: 2 * size]] = True
    train = _parts.sequences(dataset, ~cold[dataset.event_users])
    parts = [
        _parts.requests(
            dataset,
            users,
            histories=between(begin[users], end[users] - 1),
            targets=between(end[users] - 1, end[users]),
            train=train,
            protocol=f"cold users: last event by {dataset.order} of users that training never saw",
        )
        for users in groups.values()
    ]
    return Split(
        train,
        parts[0],
        parts[1],
        f"cold_users(fraction={fraction}, seed={seed})",
        {"users with one event (trained on, never asked)": int(np.sum(end - begin < 2))},
    )


def _check_fraction(fraction: float, below: float = 1.0) -> None:
    if not 0 < fraction < below:
        raise ConfigError(f"fraction must be between 0 and {below}. Received: {fraction}.")
