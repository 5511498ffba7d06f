"""One run of a method over a stream, measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tfprompt.continual import measures


@dataclass(frozen=True, eq=False)
class Outcome:
    """The matrix of a run, and what it was.

    Args:
        method: its name.
        seed: of the run.
        stages: the stages' names, T.
        measure: what the figures are, `"ndcg@10"`.
        part: "validation" or "test", whose requests were asked.
        untrained: the model before any training on each stage `[T]`.
        matrix: `R[i, j]` on stage j after training stage i, `[T, T]`.
        seconds: training of each stage.
        settings: the method's.
        stream: its fingerprint.
    """

    method: str
    seed: int
    stages: tuple[str, ...]
    measure: str
    part: str
    untrained: np.ndarray
    matrix: np.ndarray
    seconds: tuple[float, ...]
    settings: dict[str, Any]
    stream: str

    @property
    def measures(self) -> dict[str, float]:
        """Average, forgetting, backward and forward transfer; see `continual.measures`."""
        return {
            "average": measures.average(self.matrix),
            "forgetting": measures.forgetting(self.matrix),
            "backward_transfer": measures.backward_transfer(self.matrix),
            "forward_transfer": measures.forward_transfer(self.matrix, self.untrained),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "method": self.method,
            "seed": self.seed,
            "stages": list(self.stages),
            "measure": self.measure,
            "part": self.part,
            "untrained": [float(value) for value in self.untrained],
            "matrix": [[float(value) for value in row] for row in self.matrix],
            "seconds": list(self.seconds),
            "settings": self.settings,
            "stream": self.stream,
            "measures": self.measures,
        }

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """What `to_dict` gave."""
        kept = {name: value for name, value in found.items() if name != "measures"}
        arrays = {name: np.array(found[name], np.float64) for name in ("untrained", "matrix")}
        tuples = {name: tuple(found[name]) for name in ("stages", "seconds")}
        return cls(**{**kept, **arrays, **tuples})
