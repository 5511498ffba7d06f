"""What a method learned and forgot, over several seeds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfprompt._files import write_json
from tfprompt.continual.outcome import Outcome
from tfprompt.errors import ConfigError
from tfprompt.evaluation.seeds import summarise_values

_WORDS = {
    "average": "average after the last stage",
    "forgetting": "forgetting",
    "backward_transfer": "backward transfer",
    "forward_transfer": "forward transfer",
}


@dataclass(frozen=True, eq=False)
class ContinualReport:
    """Runs of one method over one stream that differ in their seed.

    Args:
        runs: one for each seed.

    Raises:
        ConfigError: no run, or runs of different methods, streams, parts or measures.

    Example:
        report = tp.continual.ContinualReport(runs)
        print(report)
        report["forgetting"]["mean"]
        report.plot("forgetting.svg")
    """

    runs: Sequence[Outcome]

    def __post_init__(self) -> None:
        kinds = {(r.method, str(r.settings), r.stream, r.part, r.measure) for r in self.runs}
        if len(kinds) != 1:
            raise ConfigError(
                "A report is about runs of one method on one stream, with the same settings, part "
                f"and measure. Received: {len(self.runs)} runs of {len(kinds)} kinds."
            )

    @property
    def matrix(self) -> np.ndarray:
        """Mean over the seeds, `[T, T]`."""
        return np.mean([run.matrix for run in self.runs], axis=0)

    @property
    def measures(self) -> dict[str, dict[str, Any]]:
        """Each measure with mean, deviation and Student's interval over the seeds."""
        return {
            name: summarise_values([run.measures[name] for run in self.runs]) for name in _WORDS
        }

    def __getitem__(self, measure: str) -> dict[str, Any]:
        return self.measures[measure]

    def to_dict(self) -> dict[str, Any]:
        """Runs and measures as JSON."""
        return {
            "method": self.runs[0].method,
            "runs": [run.to_dict() for run in self.runs],
            "matrix": self.matrix.tolist(),
            "measures": self.measures,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes `to_dict` as JSON."""
        write_json(path, self.to_dict())

    def to_text(self) -> str:
        """The matrix and the measures for a terminal."""
        first = self.runs[0]
        seeds = f"{len(self.runs)} seed{'s' if len(self.runs) > 1 else ''}"
        width = max(map(len, first.stages))
        lines = [f"{first.method}: {first.measure} on {first.part}, {seeds}", ""]
        lines += [
            f"{'after':{width}}  {'  '.join(f'{n + 1:>6}' for n in range(len(first.stages)))}"
        ]
        for name, row in zip(first.stages, self.matrix, strict=True):
            lines.append(f"{name:{width}}  {'  '.join(f'{value:6.4f}' for value in row)}")
        lines.append("")
        for name, words in _WORDS.items():
            value = self.measures[name]
            interval = (
                "" if value["low"] is None else f"  [{value['low']:.4f}, {value['high']:.4f}]"
            )
            lines.append(f"{words:29} {value['mean']:7.4f}{interval}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws the matrix, and each stage over the training, as PNG or SVG.

        Args:
            path: its ending says which; replaced atomically.

        Raises:
            ConfigError: another ending.
        """
        from tfprompt.continual.drawing import draw

        return draw(self, Path(path))
