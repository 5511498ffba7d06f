"""`log.csv`: a row an epoch, from which everything about a run's progress follows."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from tfprompt._files import atomic_write
from tfprompt.errors import CheckpointError

MONITOR = "val_ndcg_at_10"
Row = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a run stands after some epochs.

    Attributes:
        epochs: epochs done.
        best_epoch: the epoch of the best validation NDCG@10, counted from 1; 0 before any.
        best: that NDCG@10.
        waited: epochs since then.
    """

    epochs: int
    best_epoch: int
    best: float
    waited: int

    def finished(self, epochs: int, patience: int) -> bool:
        """Whether training has nothing left to do."""
        return self.epochs >= epochs or (patience > 0 and self.waited >= patience)


def standing(rows: Sequence[Row]) -> Standing:
    """Where a run with this log stands.

    Example:
        >>> standing([{"val_ndcg_at_10": 0.1}, {"val_ndcg_at_10": 0.2}, {"val_ndcg_at_10": 0.2}])
        Standing(epochs=3, best_epoch=2, best=0.2, waited=1)
    """
    best_epoch, best = 0, -math.inf
    for number, row in enumerate(rows, start=1):
        # An equal figure is no progress: the earlier epoch stays the best.
        if row[MONITOR] > best:
            best_epoch, best = number, row[MONITOR]
    return Standing(len(rows), best_epoch, best, len(rows) - best_epoch)


def read_rows(path: Path) -> list[Row]:
    """The rows of a log; none where there is no file yet.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [
                {name: float(value) for name, value in row.items()} for row in csv.DictReader(file)
            ]
    except (ValueError, TypeError, AttributeError, csv.Error) as error:
        raise CheckpointError(
            f"{path} must hold a row of numbers an epoch; it is damaged: {error}. "
            "Train into a new directory."
        ) from error
    for number, row in enumerate(rows, start=1):
        if row.get("epoch") != number or MONITOR not in row:
            raise CheckpointError(
                f"{path} must hold the epochs 1, 2, ... with {MONITOR}; row {number} is "
                "another. Train into a new directory."
            )
    return rows


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Replaces the log; every digit of a number is kept."""
    with atomic_write(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["epoch", MONITOR])
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _written(value) for name, value in row.items()})


def _written(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
