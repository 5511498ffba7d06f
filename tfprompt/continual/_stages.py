"""One stage from the events that belong to it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfprompt.continual.stage import Stage
from tfprompt.data import _parts
from tfprompt.data._parts import between
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset


def check_min_events(min_events: int) -> None:
    """Refuses a number that leaves a user nothing to train on."""
    if min_events < 3:
        raise ConfigError(
            "min_events must be at least 3: one event each to train on, to validate and to test. "
            f"Received: min_events={min_events}."
        )


def stage_of(
    dataset: Dataset,
    own: np.ndarray,
    name: str,
    *,
    past: np.ndarray,
    min_events: int,
    which: str,
    items: str,
) -> Stage:
    """Asks for the last event of each user within the stage, and trains on the others.

    A request is answered with the items that the past holds anywhere, its own stage included.

    Args:
        dataset: the data.
        own: bool `[E]`, the events of the stage.
        name: of the stage.
        past: bool `[E]`, what a history may hold, as far as it comes before the target.
        min_events: users with fewer events in the stage are trained on and never asked.
        which: for the protocol, what the events are of.
        items: likewise, what the candidates are of.

    Raises:
        DataError: no event is left to train on, or no user to ask.
    """
    everything = between(dataset.event_offsets[:-1], dataset.event_offsets[1:])
    inside = everything.where(own[everything.flat])
    users = np.flatnonzero(inside.counts >= min_events)
    ends = inside.offsets[1:][users]
    keep = own.copy()
    asked = {}
    for part, back in (("validation", 2), ("test", 1)):
        targets = inside.flat[ends - back]
        keep[targets] = False
        asked[part] = targets
    train = _parts.sequences(dataset, keep)
    candidates = np.zeros(len(dataset.items), bool)
    candidates[dataset.event_items[past]] = True
    parts = []
    for part, word in (("validation", "second last"), ("test", "last")):
        targets = asked[part]
        before = everything.of(users)
        before = before.where((before.flat < targets[before.rows]) & past[before.flat])
        protocol = f"{name}: {word} event by {dataset.order} of each user in {which}"
        asked_for = between(targets, targets + 1)
        requests = _parts.requests(dataset, users, before, asked_for, train, protocol)
        ranked = f", the {candidates.sum():,} items of {items} ranked, seen items excluded"
        parts.append(dataclasses.replace(requests, protocol=protocol + ranked))
    few = int(np.sum((inside.counts > 0) & (inside.counts < min_events)))
    dropped = {f"users with fewer than {min_events} events (trained on, never asked)": few}
    return Stage(train, parts[0], parts[1], name, dropped, candidates)
