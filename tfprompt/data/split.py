"""A data set cut into training, validation and test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences


@dataclass(frozen=True, eq=False)
class Split:
    """Training sequences, and the requests of validation and test.

    Args:
        train: what a model may learn from.
        validation: requests to choose a model by.
        test: requests to report.
        name: which split this is, with its arguments.
        dropped: what was left out, by reason, as counts.
    """

    train: Sequences
    validation: Requests
    test: Requests
    name: str
    dropped: dict[str, int] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the catalog and every event, history and target, in order."""
        digest = hashlib.sha256(f"{self.name}\0{self.train.catalog.fingerprint}".encode())
        for strings, arrays in (
            (self.train.user_ids, (self.train.items, self.train.offsets)),
            *(
                (r.user_ids, (r.histories, r.history_offsets, r.targets, r.target_offsets))
                for r in (self.validation, self.test)
            ),
        ):
            digest.update("\x1e".join(strings.tolist()).encode() + b"\x1d")
            for array in arrays:
                digest.update(np.asarray(array, dtype="<i8").tobytes() + b"\x1d")
        return digest.hexdigest()

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.train!r}"]
        lines += [f"  validation: {self.validation!r}", f"  test: {self.test!r}"]
        lines += [f"  left out: {count:,} {reason}" for reason, count in self.dropped.items()]
        return "\n".join(lines)
