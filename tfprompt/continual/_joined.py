"""Training parts put together, and pieces of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import polars as pl

from tfprompt.data._parts import between
from tfprompt.data.sequences import Sequences


@dataclasses.dataclass(frozen=True, eq=False)
class KnownSoFar(Sequences):
    """A training part of a model that has seen more than it.

    What earlier stages have shown is neither cold nor unknown as a negative.

    Args:
        seen: training events of each item in all stages so far, int64 `[N]`.
    """

    seen: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    def counts(self) -> np.ndarray:
        """Training events of each item so far, int64 `[N]`."""
        return self.seen


def known_so_far(sequences: Sequences, seen: np.ndarray) -> KnownSoFar:
    """The same events, with what all stages so far have shown."""
    fields = {f.name: getattr(sequences, f.name) for f in dataclasses.fields(Sequences)}
    return KnownSoFar(**fields, seen=seen)


def joined(parts: Sequence[Sequences]) -> Sequences:
    """Several training parts as one; a user of two parts has a row for each.

    All parts are of one data set, so they have the same columns.
    """
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    first = parts[0]

    def of(name: str) -> np.ndarray | None:
        values = [getattr(part, name) for part in parts]
        return None if values[0] is None else np.concatenate(values)

    profiles = [part.users for part in parts if part.users is not None]
    return Sequences(
        catalog=first.catalog,
        user_ids=np.concatenate([part.user_ids for part in parts]),
        items=np.concatenate([part.items for part in parts]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        users=pl.concat(profiles) if profiles else None,
        timestamps=of("timestamps"),
        context={
            name: np.concatenate([part.context[name] for part in parts]) for name in first.context
        },
        ratings=of("ratings"),
    )


def piece(
    sequences: Sequences, rows: np.ndarray, begins: np.ndarray, ends: np.ndarray
) -> Sequences:
    """Some stretches of events, each as a row of its own.

    Args:
        sequences: the whole.
        rows: int `[n]`, the user of each stretch.
        begins: int `[n]`, its first event in `sequences.items`.
        ends: int `[n]`, past its last.
    """
    events = between(begins, ends)

    def of(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[events.flat]

    return Sequences(
        catalog=sequences.catalog,
        user_ids=sequences.user_ids[rows],
        items=sequences.items[events.flat],
        offsets=events.offsets,
        users=None if sequences.users is None else sequences.users[rows],
        timestamps=of(sequences.timestamps),
        context={name: values[events.flat] for name, values in sequences.context.items()},
        ratings=of(sequences.ratings),
    )
