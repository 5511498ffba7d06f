"""A split whose training part is small."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfprompt.data._parts import between
from tfprompt.data.sequences import Sequences
from tfprompt.data.split import Split
from tfprompt.errors import ConfigError, DataError


def few_shot(
    split: Split,
    users: int | None = None,
    *,
    examples: int | None = None,
    like: float = 4.0,
    history: int = 50,
    seed: int = 0,
) -> Split:
    """The same split with little to learn from; validation and test stay as they are.

    Smaller draws of a seed are part of its larger ones, so that a learning curve only adds.

    Args:
        split: the split.
        users: training users that are drawn, all their events; at most those there are.
        examples: instead, rated events drawn of each class, liked and not liked. Each is the last
            event of a sequence of its own, after what its user did before; no other event of
            training keeps its rating, so that exactly so many labels are seen.
        like: the rating from which on an event is liked, for `examples`.
        history: events that an example keeps before it, at most.
        seed: of the draw.

    Raises:
        ConfigError: not one of `users` and `examples`, or a number below 1 (`users=0` is no
            training at all).
        DataError: training has too few events of a class, or no ratings.

    Example:
        few = tp.data.few_shot(data.cold_items(), users=16)
        model.fit(few.train, validation_data=few.validation, epochs=20)
        tp.evaluate(model, few.test)
    """
    if (users is None) == (examples is None):
        raise ConfigError(
            "A small training part has so many users, or so many examples of each class. "
            f"Received: users={users}, examples={examples}. Give one of them."
        )
    number = users if users is not None else examples
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ConfigError(
            "There is 1 user or example to learn from, or more. "
            f"Received: users={users}, examples={examples}. A model that learns from none is "
            "evaluated without fit."
        )
    if history < 0:
        raise ConfigError(f"An example keeps 0 events before it or more. Received: {history}.")
    generator = np.random.default_rng([seed, 16])
    if users is not None:
        chosen = np.sort(generator.permutation(len(split.train))[:users])
        train = _of_users(split.train, chosen)
        name = f"{split.name}.few_shot(users={users}, seed={seed})"
    else:
        train = _of_examples(split.train, int(number), like, history, generator)
        name = f"{split.name}.few_shot(examples={examples}, like={like:g}, seed={seed})"
    dropped = {**split.dropped, "training events by few_shot": _less(split.train, train)}
    return Split(
        train,
        # Baselines are fitted on the training part that a request names.
        dataclasses.replace(split.validation, train=train),
        dataclasses.replace(split.test, train=train),
        name,
        dropped,
    )


def _of_users(train: Sequences, rows: np.ndarray) -> Sequences:
    """The sequences of some users."""
    return _cut(train, rows, train.offsets[:-1][rows], train.offsets[1:][rows])


def _of_examples(
    train: Sequences, count: int, like: float, history: int, generator: np.random.Generator
) -> Sequences:
    """A sequence for each drawn event, which ends with it."""
    if train.ratings is None:
        raise DataError(
            "Examples of liked and not liked events need a column 'rating' of the interactions. "
            "Received: interactions without one. Draw users instead.",
            column="rating",
        )
    starts = np.repeat(train.offsets[:-1], np.diff(train.offsets))
    places = np.arange(len(train.items))
    drawn = []
    for liked in (False, True):
        given = (train.ratings >= like) == liked
        # A user's first event follows nothing, so no window ends with it.
        able = np.flatnonzero(given & ~np.isnan(train.ratings) & (places > starts))
        if len(able) < count:
            raise DataError(
                f"Training has {len(able)} events that were {'liked' if liked else 'not liked'} "
                f"(ratings {'from' if liked else 'below'} {like:g}) and follow another one. "
                f"Received: examples={count}. Ask for fewer.",
                column="rating",
            )
        drawn.append(generator.permutation(able)[:count])
    ends = np.sort(np.concatenate(drawn))
    rows = np.searchsorted(train.offsets, ends, side="right") - 1
    few = _cut(train, rows, np.maximum(starts[ends], ends - history), ends + 1)
    ratings = np.full(len(few.items), np.nan, np.float32)
    last = few.offsets[1:] - 1
    ratings[last] = train.ratings[ends]
    return dataclasses.replace(few, ratings=ratings)


def _cut(train: Sequences, rows: np.ndarray, begin: np.ndarray, end: np.ndarray) -> Sequences:
    """The events from `begin` to `end` of each of some users."""
    chosen = between(begin, end)
    flat = chosen.flat
    return Sequences(
        catalog=train.catalog,
        user_ids=train.user_ids[rows],
        items=train.items[flat],
        offsets=np.concatenate([[0], np.cumsum(chosen.counts)]).astype(np.int64),
        users=None if train.users is None else train.users[rows],
        timestamps=None if train.timestamps is None else train.timestamps[flat],
        context={name: values[flat] for name, values in train.context.items()},
        ratings=None if train.ratings is None else train.ratings[flat],
    )


def _less(before: Sequences, after: Sequences) -> int:
    return max(0, len(before.items) - len(after.items))
